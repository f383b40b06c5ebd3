/* The command line of segue. */
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "kernels/base/names.h"
#include "launch.h"
#include "stop.h"

typedef struct Command {
  const char *name;
  int (*run)(int n, char **words);
  const char *help;
} Command;

static const Command commands[] = {
    {"run", command_run, "run a pipeline; finished stages are used again, unfinished ones go on"},
    {"check", command_check, "validate all that can be known before data is read"},
    {"predict", command_predict, "predict new rows of a CSV file with a trained bundle"},
    {"stages", command_stages, "what stage, model and step kinds there are; one kind's options"},
    {"schema", command_schema, "JSON Schema of the config, for editors"},
    {"status", command_status, "what is done in a run folder, and what is left"},
    {"hash", command_hash, "content hash of every artifact, equal wherever the results are equal"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_help(void) {
  printf("segue %s: trains, explains and serves music-popularity models\n\n"
         "usage: segue COMMAND ...\n"
         "       mpirun -n N segue run CONFIG\n\n", SEGUE_VERSION);
  for (int c = 0; c < COMMANDS; c++) printf("  %-9s %s\n", commands[c].name, commands[c].help);
  printf("\n  segue COMMAND --help     more about a command\n"
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

int main(int count, char **words) {
  /* Columns come and go all the time: keep their pages rather than fault them in anew. */
  mallopt(M_MMAP_THRESHOLD, 256 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  stop_install();
  launch_right_blas(words);
  int status = EXIT_DONE;
  if (count < 2 || strcmp(words[1], "--help") == 0 || strcmp(words[1], "-h") == 0 ||
      strcmp(words[1], "help") == 0) {
    if (words_speaker()) print_help();
    status = count < 2 ? EXIT_WRONG_USAGE : EXIT_DONE;
  } else if (strcmp(words[1], "--version") == 0) {
    if (words_speaker()) printf("segue %s\n", SEGUE_VERSION);
  } else {
    int c = 0;
    while (c < COMMANDS && strcmp(commands[c].name, words[1]) != 0) c++;
    status = c < COMMANDS ? commands[c].run(count - 2, words + 2) : unknown(words[1]);
  }
  launch_finish();
  return status;
}
