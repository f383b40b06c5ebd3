/* The owner of a run folder: one attempt at a time; dead ones of this and of other hosts give way;
 * whatever stands in owner.json is survived. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "pipeline/owner.h"
#include "pipeline/stop.h"
#include "run_case.h"

static char run_dir[600];

static const char *owner_file(void) { return case_path("run/owner.json"); }

static Status take_once(Owner **owner) {
  Comm self = comm_self();
  return owner_take_all(&self, run_dir, owner);
}

static void test_take(void) {
  Owner *owner = NULL;
  struct stat info;
  CHECK(owner_is_gone(run_dir));
  CHECK_OK(take_once(&owner));
  CHECK(owner != NULL);
  CHECK(stat(owner_file(), &info) == 0 && info.st_size > 50);
  CHECK(!owner_is_gone(run_dir));
  CHECK_OK(owner_check(owner));
  owner_release(&owner);
  CHECK(owner == NULL);
  CHECK(!file_exists(owner_file()));
  CHECK_OK(owner_check(NULL));
  owner_release(&owner);
}

/* Somebody removes or replaces the file: the attempt hears of it and leaves the other's alone. */
static void test_lost(void) {
  Owner *owner = NULL;
  CHECK_OK(take_once(&owner));
  unlink(owner_file());
  CHECK_INTEGER(owner_check(owner), IO);
  CHECK_MESSAGE("removed or taken");
  case_write("run/owner.json", "{\"token\": \"another\"}");
  CHECK_INTEGER(owner_check(owner), IO);
  CHECK_MESSAGE("another attempt has taken");
  status_fail(OK, "kept");
  owner_release(&owner);
  CHECK_TEXT(status_message(), "kept");
  CHECK(file_exists(owner_file()));
  unlink(owner_file());
}

/* What no attempt writes gives way, without a long wait. */
static void test_garbage(void) {
  static const char *const texts[] = {
      "",
      "garbage",
      "[1, 2",
      "null",
      "{}",
      "{\"ranks\": 5}",
      "{\"ranks\": [1, {}, null]}",
      "{\"ranks\": [{\"host\": 1, \"pid\": \"x\", \"start\": []}]}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    Owner *owner = NULL;
    case_write("run/owner.json", texts[i]);
    CHECK_OK(take_once(&owner));
    CHECK_OK(owner_check(owner));
    owner_release(&owner);
  }
}

/* The text of owner.json that a process like this one would leave; pid and start are its own. */
static void leave(const char *host, const char *place, double pid, const char *start) {
  char text[1024];
  snprintf(text, sizeof text,
           "{\"token\": \"t\", \"ranks\": [{\"host\": \"%s\", \"place\": \"%s\", \"pid\": %.17g, "
           "\"start\": \"%s\"}]}",
           host, place, pid, start);
  case_write("run/owner.json", text);
}

/* Take the value of a member from a real owner.json. */
static void member_of(const char *text, const char *name, char out[160]) {
  char key[32];
  snprintf(key, sizeof key, "\"%s\":", name);
  const char *at = strstr(text, key);
  CHECK(at != NULL);
  out[0] = 0;
  if (at) at = strchr(at + strlen(key), '"');
  if (at) snprintf(out, 160, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
}

static void test_dead_here(void) {
  Owner *owner = NULL;
  char *text = NULL, host[160], place[160], start[160];
  int64_t n = 0;
  CHECK_OK(take_once(&owner));
  CHECK_OK(file_read(owner_file(), &text, &n));
  member_of(text, "host", host);
  member_of(text, "place", place);
  member_of(text, "start", start);
  memory_free(&text);
  owner_release(&owner);
  /* A process of that number with another start, none, numbers that are no process's. */
  const double pids[] = {(double)getpid(), 4e6, 0, -1, 1e300};
  for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
    leave(host, place, pids[i], "12345");
    CHECK(owner_is_gone(run_dir));
    CHECK_OK(take_once(&owner));
    owner_release(&owner);
  }
  leave(host, place, (double)getpid(), start);
  CHECK(!owner_is_gone(run_dir));
  leave(host, "another container", (double)getpid(), start); /* its numbers mean nothing here */
  CHECK(!owner_is_gone(run_dir));
  unlink(owner_file());
}

/* An attempt elsewhere whose heart beats: refused. The beat comes from a child. */
static void test_alive_elsewhere(void) {
  Owner *owner = NULL;
  leave("another-host", "x", 1, "1");
  pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < 100; i++) {
      usleep(300000);
      utimensat(AT_FDCWD, owner_file(), NULL, 0);
    }
    _exit(0);
  }
  CHECK_INTEGER(take_once(&owner), IO);
  CHECK_MESSAGE("another-host");
  CHECK_MESSAGE("--run-dir");
  CHECK(owner == NULL);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  CHECK(file_exists(owner_file()));
  unlink(owner_file());
}

/* The heart beats, and only in the file that is ours. */
static void test_heartbeat(void) {
  Owner *owner = NULL;
  struct stat before, after;
  CHECK_OK(take_once(&owner));
  const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
  CHECK(utimensat(AT_FDCWD, owner_file(), long_ago, 0) == 0);
  sleep(3);
  CHECK(stat(owner_file(), &after) == 0 && after.st_mtim.tv_sec > 1000);
  case_write("run/owner.json", "{\"token\": \"another\"}"); /* another file of that name */
  CHECK(utimensat(AT_FDCWD, owner_file(), long_ago, 0) == 0);
  CHECK(stat(owner_file(), &before) == 0);
  sleep(3);
  CHECK(stat(owner_file(), &after) == 0 && after.st_mtim.tv_sec == before.st_mtim.tv_sec);
  owner_release(&owner);
  unlink(owner_file());
}

/* A stop is heard while a heartbeat is watched. Last: the request stays. */
static void test_stop(void) {
  Owner *owner = NULL;
  stop_install(true);
  leave("another-host", "x", 1, "1");
  raise(SIGUSR1);
  CHECK_INTEGER(take_once(&owner), STOPPED);
  CHECK_MESSAGE("run again");
  CHECK(owner == NULL);
  CHECK_TEXT(stop_signal(), "SIGUSR1");
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  case_begin();
  snprintf(run_dir, sizeof run_dir, "%s/run", case_folder);
  CHECK_OK(file_make_folder(run_dir));
  test_take();
  test_lost();
  test_garbage();
  test_dead_here();
  test_alive_elsewhere();
  test_heartbeat();
  test_stop();
  case_end();
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("owner");
  MPI_Finalize();
  return result;
}
