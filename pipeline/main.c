/* The command line of segue. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "kernels/base/memory.h"
#include "kernels/base/names.h"
#include "launch.h"
#include "stop.h"

typedef struct Command {
  const char *name;
  int (*run)(int n, char **words);
  const char *help;
  bool stoppable; /* finishes units when it is told to stop, rather than dying */
} Command;

static const Command commands[] = {
    {"run", command_run, "run a pipeline; finished stages are used again, unfinished ones go on",
     true},
    {"check", command_check, "validate all that can be known before data is read", false},
    {"predict", command_predict, "predict new rows of a CSV file with a trained bundle", false},
    {"stages", command_stages, "what stage, model and step kinds there are; one kind's options",
     false},
    {"schema", command_schema, "JSON Schema of the config, for editors", false},
    {"status", command_status, "what is done in a run folder, and what is left", false},
    {"hash", command_hash, "content hash of every artifact, equal wherever the results are equal",
     false},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(FILE *out) {
  fprintf(out,
          "segue %s: trains, explains and serves music-popularity models\n\n"
          "usage: segue COMMAND ...\n"
          "       mpirun -n N segue run CONFIG\n\n",
          SEGUE_VERSION);
  for (int c = 0; c < COMMANDS; c++)
    fprintf(out, "  %-9s %s\n", commands[c].name, commands[c].help);
  fprintf(out,
          "\n  segue COMMAND --help     more about a command\n"
          "  segue --version          the version\n\n"
          "exit status: 0 done, 1 a stage failed, 2 the command line or the config is wrong,\n"
          "             75 stopped on request (run again to go on)\n");
}

static int unknown(const char *word) {
  const char *names[COMMANDS];
  char hint[160];
  for (int c = 0; c < COMMANDS; c++) names[c] = commands[c].name;
  if (words_speaker())
    fprintf(stderr, "segue: unknown command \"%s\"%s (segue --help lists them)\n", word,
            names_hint(word, names, COMMANDS, hint));
  return EXIT_WRONG_USAGE;
}

/* The command of that name; NULL: there is none. */
static const Command *find_command(const char *name) {
  for (int c = 0; c < COMMANDS; c++)
    if (strcmp(commands[c].name, name) == 0) return &commands[c];
  return NULL;
}

/* Somebody may start us without stdin, stdout or stderr: then the first files that are opened would
 * get their numbers, and messages would go into artifacts. */
static void open_standard_files(void) {
  for (int fd = 0; fd <= 2; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0) return;
}

/* What was printed may be lost still: a full disk. A reader that left (head) is no failure. */
static int flush_output(int status) {
  errno = 0;
  bool failed = fflush(stdout) != 0 || ferror(stdout);
  if (!failed || errno == EPIPE) return status;
  fprintf(stderr, "segue: error: cannot write to the standard output: %s\n", strerror(errno));
  return status == EXIT_DONE ? EXIT_STAGE_FAILED : status;
}

static bool one_of(const char *word, const char *a, const char *b, const char *c) {
  return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

int main(int count, char **words) {
  const Command *command = count > 1 ? find_command(words[1]) : NULL;
  memory_keep();
  open_standard_files();
  stop_install(command && command->stoppable);
  launch_right_blas(words);
  int status = EXIT_DONE;
  if (command) {
    status = command->run(count - 2, words + 2);
  } else if (count < 2) {
    if (words_speaker()) print_help(stderr);
    status = EXIT_WRONG_USAGE;
  } else if (one_of(words[1], "--help", "-h", "help")) {
    if (words_speaker()) print_help(stdout);
  } else if (strcmp(words[1], "--version") == 0) {
    if (words_speaker()) printf("segue %s\n", SEGUE_VERSION);
  } else {
    status = unknown(words[1]);
  }
  status = flush_output(status);
  launch_finish();
  return status;
}
