/* Progress for people; see terminal.h. */
#define _GNU_SOURCE
#include "terminal.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A batch log gets a line of a long stage this often at first, then ever less often. */
static const double FIRST_LINE_SECONDS = 10, LINE_GROWTH = 0.25, BAR_SECONDS = 0.1;

enum { BAR_WIDTH = 30 };

double terminal_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *terminal_seconds(double seconds, char text[32]) {
  seconds = fmin(fmax(seconds, 0), 1e12); /* also for NaN */
  int64_t whole = (int64_t)(seconds + 0.5);
  if (seconds < 9.95)
    snprintf(text, 32, "%.*f s", seconds < 0.995 ? 2 : 1, seconds);
  else if (whole < 120)
    snprintf(text, 32, "%d s", (int)whole);
  else if (whole < 7200)
    snprintf(text, 32, "%d min %d s", (int)(whole / 60), (int)(whole % 60));
  else
    snprintf(text, 32, "%d h %d min", (int)(whole / 3600), (int)(whole / 60 % 60));
  return text;
}

void terminal_init(Terminal *terminal, bool active) {
  const char *term = getenv("TERM");
  bool tty = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
  *terminal = (Terminal){.active = active, .tty = tty, .colour = tty && !getenv("NO_COLOR")};
}

static void close_bar(Terminal *terminal) {
  if (terminal->bar_open) fprintf(stderr, "\r\033[K");
  terminal->bar_open = false;
}

void terminal_stage(Terminal *terminal, int64_t number, int64_t count, const char *name) {
  if (!terminal->active) return;
  snprintf(terminal->label, sizeof terminal->label, "[%d/%d] %.70s", (int)number, (int)count, name);
  terminal->begun = terminal->last_line = terminal_clock();
  terminal->phase[0] = 0;
  terminal->phase_base = -1;
  if (!terminal->tty) return;
  fprintf(stderr, "%s ...", terminal->label);
  fflush(stderr);
  terminal->bar_open = true;
}

void terminal_phase(Terminal *terminal, const char *phase) {
  if (!terminal->active) return;
  snprintf(terminal->phase, sizeof terminal->phase, "%.60s", phase);
  terminal->phase_base = -1;
}

/* Time left by the rate since this phase's first report, "" as long as none can be told. */
static const char *time_left(Terminal *terminal, int64_t done, int64_t total, double now,
                             char text[64]) {
  char seconds[32];
  text[0] = 0;
  if (terminal->phase_base < 0) {
    terminal->phase_base = done;
    terminal->phase_begun = now;
  }
  int64_t made = done - terminal->phase_base;
  if (made <= 0 || done >= total) return text;
  double left = (now - terminal->phase_begun) / (double)made * (double)(total - done);
  snprintf(text, 64, ", %s left", terminal_seconds(left, seconds));
  return text;
}

void terminal_progress(Terminal *terminal, int64_t done, int64_t total) {
  if (!terminal->active || total <= 0) return;
  char left[64];
  double now = terminal_clock(), elapsed = now - terminal->begun;
  const char *rest = time_left(terminal, done, total, now, left);
  double interval = fmax(FIRST_LINE_SECONDS, LINE_GROWTH * elapsed);
  if (now - terminal->last_line < (terminal->tty ? BAR_SECONDS : interval)) return;
  terminal->last_line = now;
  const char *gap = terminal->phase[0] ? " " : "";
  if (!terminal->tty) {
    fprintf(stderr, "%s%s%s: %lld of %lld%s\n", terminal->label, gap, terminal->phase,
            (long long)done, (long long)total, rest);
    return;
  }
  char bar[BAR_WIDTH + 1];
  int filled = (int)(done * BAR_WIDTH / total);
  for (int i = 0; i < BAR_WIDTH; i++) bar[i] = i < filled ? '#' : '.';
  bar[BAR_WIDTH] = 0;
  fprintf(stderr, "\r\033[K%s%s%s [%s] %lld of %lld%s", terminal->label, gap, terminal->phase, bar,
          (long long)done, (long long)total, rest);
  fflush(stderr);
  terminal->bar_open = true;
}

void terminal_done(Terminal *terminal, const char *outcome) {
  if (!terminal->active) return;
  close_bar(terminal);
  fprintf(stderr, "%-28s %s\n", terminal->label, outcome);
}

void terminal_line(Terminal *terminal, const char *format, ...) {
  if (!terminal->active) return;
  char line[4096]; /* written at once: other ranks may talk too */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  close_bar(terminal);
  fprintf(stderr, "%s\n", line);
}
