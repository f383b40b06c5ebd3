/* The words behind a command: rows, values, mistakes and their hints. */
#include <stdlib.h>
#include <unistd.h>

#include "kernels/base/memory.h"
#include "pipeline/commands.h"
#include "tests/check.h"

enum { FILE_NAME, OUT, SET, QUIET, WORDS };
static const WordRow rows[] = {
    [FILE_NAME] = {.name = "FILE", .help = "a file", .required = true},
    [OUT] = {.name = "-o", .value = "OUT", .help = "where it goes"},
    [SET] = {.name = "--set", .value = "POINTER=VALUE", .help = "a value", .many = true},
    [QUIET] = {.name = "--quiet", .help = "no words"},
    {0}};

static char said[4096]; /* on stderr and stdout, by the last parse */

/* Parse with both outputs caught. */
static bool parse(int n, const char *const *words, WordValue *values, int *exit_status) {
  FILE *caught = tmpfile();
  fflush(stdout);
  fflush(stderr);
  int out = dup(1), err = dup(2);
  dup2(fileno(caught), 1);
  dup2(fileno(caught), 2);
  memset(values, 0, WORDS * sizeof *values);
  *exit_status = -1;
  bool go =
      words_parse("test", "Does nothing.", rows, n, (char **)(uintptr_t)words, values, exit_status);
  fflush(stdout);
  dup2(out, 1);
  dup2(err, 2);
  close(out);
  close(err);
  rewind(caught);
  said[fread(said, 1, sizeof said - 1, caught)] = 0;
  fclose(caught);
  return go;
}

#define PARSE(...)                           \
  const char *const words[] = {__VA_ARGS__}; \
  WordValue values[WORDS];                   \
  int exit_status;                           \
  bool go = parse((int)(sizeof words / sizeof *words), words, values, &exit_status)

static void test_good(void) {
  PARSE("--set", "/a=1", "x.csv", "-o=y", "--quiet", "--set=/b=-2", "--set", "-3");
  CHECK(go);
  CHECK_TEXT(said, "");
  CHECK_TEXT(values[FILE_NAME].items[0], "x.csv");
  CHECK_TEXT(values[OUT].items[0], "y");
  CHECK_INTEGER(values[QUIET].n, 1);
  CHECK_INTEGER(values[SET].n, 3);
  CHECK_TEXT(values[SET].items[0], "/a=1");
  CHECK_TEXT(values[SET].items[1], "/b=-2");
  CHECK_TEXT(values[SET].items[2], "-3");
  words_clear(rows, values);
}

static void test_dash(void) { /* a lone dash is a word */
  PARSE("-");
  CHECK(go);
  CHECK_TEXT(values[FILE_NAME].items[0], "-");
  words_clear(rows, values);
}

/* Refused with exit status 2; the message holds part. */
#define REFUSE(part, ...)                         \
  do {                                            \
    PARSE(__VA_ARGS__);                           \
    CHECK(!go);                                   \
    CHECK_INTEGER(exit_status, EXIT_WRONG_USAGE); \
    CHECK(strstr(said, "segue test: ") == said);  \
    CHECK(strstr(said, (part)) != NULL);          \
    words_clear(rows, values);                    \
  } while (0)

static void test_bad(void) {
  REFUSE("did you mean \"--quiet\"?", "x", "--quite");
  REFUSE("unknown option --wholly-other", "x", "--wholly-other");
  REFUSE("FILE is missing", "--quiet");
  REFUSE("too many words: y", "x", "y");
  REFUSE("-o was given twice", "x", "-o", "a", "-o", "b");
  REFUSE("-o needs a value: OUT", "x", "-o");
  REFUSE("-o needs a value: OUT", "x", "-o", "--quiet");
  REFUSE("--quiet takes no value", "x", "--quiet=yes");
}

static void test_help(void) {
  static const char *const helps[] = {"--help", "-h"};
  for (int i = 0; i < 2; i++) {
    PARSE("x", "y", helps[i], "--nonsense");
    CHECK(!go);
    CHECK_INTEGER(exit_status, EXIT_DONE);
    CHECK(strstr(said, "usage: segue test FILE [-o OUT] [--set POINTER=VALUE]... [--quiet]\n"));
    CHECK(strstr(said, "Does nothing.") != NULL);
    for (int r = 0; r < WORDS; r++) CHECK(strstr(said, rows[r].help) != NULL);
    words_clear(rows, values);
  }
}

static void test_speaker(void) { /* of several processes one talks */
  setenv("OMPI_COMM_WORLD_RANK", "1", 1);
  CHECK(!words_speaker());
  PARSE("--nonsense");
  CHECK(!go);
  CHECK_INTEGER(exit_status, EXIT_WRONG_USAGE);
  CHECK_TEXT(said, "");
  words_clear(rows, values);
  setenv("OMPI_COMM_WORLD_RANK", "0", 1);
  CHECK(words_speaker());
  unsetenv("OMPI_COMM_WORLD_RANK");
}

int main(void) {
  test_good();
  test_dash();
  test_bad();
  test_help();
  test_speaker();
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("words");
}
