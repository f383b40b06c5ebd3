/* What people see while a run goes on: a bar on a terminal, plain lines in a batch log.
 *
 * Everything goes to stderr, so that stdout holds nothing a script would have to filter. Rank 0
 * alone prints; elsewhere the calls do nothing. */
#ifndef SEGUE_IO_TERMINAL_H
#define SEGUE_IO_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Terminal {
  bool active, tty, colour;
  char label[96]; /* "[3/6] forest" */
  char phase[64];
  double begun; /* seconds, monotonic: of the stage */
  double phase_begun;
  int64_t phase_base; /* units that were there when the phase began */
  double last_line;
  bool bar_open;
} Terminal;

void terminal_init(Terminal *terminal, bool active);
void terminal_stage(Terminal *terminal, int64_t number, int64_t count, const char *name);
void terminal_phase(Terminal *terminal, const char *phase);
/* done of total units; called as often as one likes. */
void terminal_progress(Terminal *terminal, int64_t done, int64_t total);
/* The stage's closing line: what became of it ("done in 2.1 s", "reused"). */
void terminal_done(Terminal *terminal, const char *outcome);
/* A line of its own. */
void terminal_line(Terminal *terminal, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Seconds as people say them: "0.42 s", "12 s", "3 min 20 s", "2 h 5 min". */
const char *terminal_seconds(double seconds, char text[32]);
double terminal_clock(void);

#endif
