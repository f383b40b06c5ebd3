/* The commands: each takes the words behind its name and returns the exit status. */
#ifndef SEGUE_PIPELINE_COMMANDS_H
#define SEGUE_PIPELINE_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

/* What main and scripts rely on; see ARCHITECTURE. */
enum {
  EXIT_DONE = 0,
  EXIT_STAGE_FAILED = 1,
  EXIT_WRONG_USAGE = 2, /* command line or config; nothing was run */
  EXIT_STOPPED = 75     /* stopped on request; run again to go on */
};

int command_run(int n, char **words);
int command_check(int n, char **words);
int command_predict(int n, char **words);
int command_stages(int n, char **words);
int command_schema(int n, char **words);
int command_status(int n, char **words);
int command_hash(int n, char **words);

/* One word that a command knows. */
typedef struct WordRow {
  const char *name;  /* "--run-dir"; without dashes: a positional word, named for the help */
  const char *value; /* name of its value in the help; NULL: a switch, or positional */
  const char *help;
  bool required, many;
} WordRow;

/* What was given for a row. */
typedef struct WordValue {
  int64_t n; /* times */
  const char **items; /* values, borrowed from the command line; NULL for switches */
} WordValue;

/* Sort words to rows (ended by a row without a name); values has a place per row, freed with
 * words_clear. Local. Returns true when the command can go on; otherwise *exit_status is set: the
 * help was asked for and printed, or a mistake was reported on stderr (rank 0 of a launcher).
 * intro: the lines of the help above the rows. */
bool words_parse(const char *command, const char *intro, const WordRow *rows, int n, char **words,
                 WordValue *values, int *exit_status);
void words_clear(const WordRow *rows, WordValue *values);

/* Is this the process that talks to people, as far as the launcher's environment tells? For messages
 * before MPI is up. */
bool words_speaker(void);

#endif
