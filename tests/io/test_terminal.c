/* What people see: time in words, the lines of a batch log with the time left, silence elsewhere.
 * Time is not waited for: the clock's readings inside Terminal are moved back. */
#include "io/terminal.h"

#include <mpi.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/check.h"

static char said[8192];
static FILE *caught;
static int err;

static void catch_begin(void) {
  caught = tmpfile();
  fflush(stderr);
  err = dup(2);
  dup2(fileno(caught), 2);
}

static void catch_end(void) {
  fflush(stderr);
  dup2(err, 2);
  close(err);
  rewind(caught);
  said[fread(said, 1, sizeof said - 1, caught)] = 0;
  fclose(caught);
}

static int lines(void) {
  int n = 0;
  for (const char *at = said; *at; at++) n += *at == '\n';
  return n;
}

/* Let that many seconds pass for this terminal. */
static void pass(Terminal *terminal, double seconds) {
  terminal->begun -= seconds;
  terminal->phase_begun -= seconds;
  terminal->last_line -= seconds;
}

static void test_seconds(void) {
  static const struct {
    double seconds;
    const char *want;
  } cases[] = {{0, "0.00 s"},         {0.004, "0.00 s"},      {0.42, "0.42 s"},
               {0.999, "1.0 s"},      {9.94, "9.9 s"},        {9.96, "10 s"},
               {119.4, "119 s"},      {119.6, "2 min 0 s"},   {200, "3 min 20 s"},
               {7199.6, "2 h 0 min"}, {7500, "2 h 5 min"},    {360000, "100 h 0 min"},
               {-1, "0.00 s"},        {(double)NAN, "0.00 s"}};
  char text[32];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    CHECK_TEXT(terminal_seconds(cases[i].seconds, text), cases[i].want);
  CHECK(strlen(terminal_seconds((double)INFINITY, text)) < 32);
  CHECK(terminal_clock() > 0);
}

static void test_batch_log(void) {
  Terminal terminal;
  catch_begin();
  terminal_init(&terminal, true);
  terminal_stage(&terminal, 3, 6, "forest");
  terminal_phase(&terminal, "fold 1 of 2");
  for (int64_t done = 1; done <= 40; done++) terminal_progress(&terminal, done, 100);
  catch_end();
  CHECK_TEXT(said, ""); /* a short stage says nothing until it is done */
  /* 10 units in 5 s, so 90 units need 45 s. */
  catch_begin();
  terminal_phase(&terminal, "fold 2 of 2");
  terminal_progress(&terminal, 0, 100);
  terminal.phase_begun = terminal_clock() - 5;
  terminal.begun = terminal.last_line = terminal_clock() - 11;
  terminal_progress(&terminal, 10, 100);
  terminal_progress(&terminal, 11, 100);
  catch_end();
  CHECK_TEXT(said, "[3/6] forest fold 2 of 2: 10 of 100, 45 s left\n");
  catch_begin();
  terminal_done(&terminal, "done in 17 s");
  terminal_line(&terminal, "%s: %d", "runs/x", 7);
  catch_end();
  CHECK_TEXT(said, "[3/6] forest                 done in 17 s\nruns/x: 7\n");
  CHECK(strchr(said, '\r') == NULL && strchr(said, '\033') == NULL);
}

/* A stage of an hour, a unit a second: lines ever farther apart, each with the time left. */
static void test_intervals(void) {
  Terminal terminal;
  catch_begin();
  terminal_init(&terminal, true);
  terminal_stage(&terminal, 1, 1, "long");
  terminal_progress(&terminal, 0, 3600);
  for (int64_t done = 1; done <= 3600; done++) {
    pass(&terminal, 1);
    terminal_progress(&terminal, done, 3600);
  }
  catch_end();
  CHECK(lines() >= 10 && lines() <= 40);
  CHECK(strstr(said, "[1/1] long: 10 of 3600, 59 min 50 s left\n") == said);
  int with_time = 0;
  for (const char *at = said; (at = strstr(at, " left\n")); at++) with_time++;
  CHECK(with_time >= lines() - 1);
}

/* Units of an earlier attempt do not count for the rate. */
static void test_resumed(void) {
  Terminal terminal;
  catch_begin();
  terminal_init(&terminal, true);
  terminal_stage(&terminal, 1, 1, "on");
  terminal_progress(&terminal, 90, 100);
  pass(&terminal, 20);
  terminal_progress(&terminal, 95, 100);
  pass(&terminal, 20);
  terminal_progress(&terminal, 100, 100); /* nothing is left */
  terminal_progress(&terminal, 0, 0);
  catch_end();
  CHECK_TEXT(said, "[1/1] on: 95 of 100, 20 s left\n[1/1] on: 100 of 100\n");
}

static void test_silent(void) {
  Terminal terminal;
  catch_begin();
  terminal_init(&terminal, false);
  terminal_stage(&terminal, 1, 1, "x");
  terminal_phase(&terminal, "p");
  pass(&terminal, 1000);
  terminal_progress(&terminal, 1, 2);
  terminal_done(&terminal, "done");
  terminal_line(&terminal, "line");
  catch_end();
  CHECK_TEXT(said, "");
}

/* On a terminal: a bar that is overwritten, and cleared before any line. */
static void test_bar(void) {
  Terminal terminal;
  catch_begin();
  terminal_init(&terminal, true);
  terminal.tty = true;
  terminal_stage(&terminal, 2, 3, "x");
  pass(&terminal, 1);
  terminal_progress(&terminal, 5, 10);
  pass(&terminal, 1);
  terminal_progress(&terminal, 30, 10); /* more than all does not burst the bar */
  terminal_done(&terminal, "done");
  catch_end();
  CHECK(strstr(said, "[2/3] x ...") == said);
  CHECK(strstr(said, "[###############...............] 5 of 10") != NULL);
  CHECK(strstr(said, "\r\033[K[2/3] x") != NULL);
  CHECK_INTEGER(lines(), 1);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  unsetenv("NO_COLOR");
  test_seconds();
  test_batch_log();
  test_intervals();
  test_resumed();
  test_silent();
  test_bar();
  int result = check_report("terminal");
  MPI_Finalize();
  return result;
}
