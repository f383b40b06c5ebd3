/* The owner of a run folder; see owner.h.
 *
 * The file is written under a name of its own and linked to owner.json: link(2) fails when that is
 * there, so of two attempts that begin together one wins, and nobody ever sees half a file. A dead
 * attempt's file is taken away by a rename, and put back when it turns out to be a newer one. Where
 * links are not known (some FUSE file systems) the file is created exclusively and then filled.
 *
 * Numbers of processes mean something only where /proc is the same: the same boot of the same
 * machine and the same PID namespace (containers often share a host name). Elsewhere the heartbeat
 * tells. */
#define _GNU_SOURCE
#include "owner.h"

#include <cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/file.h"
#include "kernels/base/memory.h"
#include "stop.h"

enum {
  HEARTBEAT_SECONDS = 2,
  LEFTOVER_SECONDS = 15, /* how long processes of a killed attempt are waited for */
  SILENCE_SECONDS = 20,  /* a heartbeat of another host that stands still this long is dead */
  TAKE_ATTEMPTS = 4
};

struct Owner {
  char path[PATH_MAX];
  char token[160];
  dev_t device; /* of our file: the heartbeat does not touch another's */
  ino_t inode;
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  bool ending, beating;
};

typedef struct Process {
  int64_t pid;
  uint64_t start; /* clock ticks after boot: tells a process from a later one of the same number */
  char host[64];
  char place[96]; /* boot and PID namespace: where pid and start mean something */
} Process;

/* Field 22 of /proc/PID/stat; 0 when there is no such process or it is a zombie. */
static uint64_t process_start(int64_t pid) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  size_t n = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[n] = 0;
  char *at = strrchr(text, ')'), state = 0;
  unsigned long long start = 0;
  if (!at || sscanf(at + 2,
                    "%c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                    "%*d %*d %llu",
                    &state, &start) != 2)
    return 0;
  return state == 'Z' ? 0 : start;
}

/* Boot id and PID namespace of this process, "" where the system does not tell. */
static void place_of(char *text, size_t bytes) {
  char boot[40] = "", space[40] = "";
  FILE *file = fopen("/proc/sys/kernel/random/boot_id", "r");
  if (file && fscanf(file, "%39s", boot) != 1) boot[0] = 0;
  if (file) fclose(file);
  ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
  space[n > 0 ? n : 0] = 0;
  snprintf(text, bytes, "%s %s", boot, space);
}

/* Does the process run? Without /proc only its number is known. */
static bool process_runs(int64_t pid, uint64_t start) {
  if (pid <= 0 || pid > INT32_MAX) return false;
  if (start != 0) return process_start(pid) == start;
  return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

/* Remember which file is ours. */
static void note_file(Owner *owner) {
  struct stat info;
  if (stat(owner->path, &info) != 0) return;
  owner->device = info.st_dev;
  owner->inode = info.st_ino;
}

/* Touch the file every other second, by a clock that nobody sets. Runs in a thread: no status
 * messages, no counted memory. */
static void *beat(void *context) {
  Owner *owner = context;
  pthread_mutex_lock(&owner->lock);
  while (!owner->ending) {
    struct timespec until;
    struct stat info;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HEARTBEAT_SECONDS;
    pthread_cond_timedwait(&owner->wake, &owner->lock, &until);
    bool ours = stat(owner->path, &info) == 0 && info.st_dev == owner->device &&
                info.st_ino == owner->inode;
    if (!owner->ending && ours) utimensat(AT_FDCWD, owner->path, NULL, 0);
  }
  pthread_mutex_unlock(&owner->lock);
  return NULL;
}

static void start_beating(Owner *owner) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_mutex_init(&owner->lock, NULL);
  pthread_cond_init(&owner->wake, &attributes);
  pthread_condattr_destroy(&attributes);
  owner->beating = pthread_create(&owner->thread, NULL, beat, owner) == 0;
}

/* The text of owner.json for this attempt. */
static Status describe(const Process *all, int size, const char *token, char **json) {
  cJSON *root = cJSON_CreateObject(), *ranks = cJSON_AddArrayToObject(root, "ranks");
  cJSON_AddStringToObject(root, "token", token);
  for (int r = 0; r < size; r++) {
    char start[32];
    cJSON *rank = cJSON_CreateObject();
    snprintf(start, sizeof start, "%llu", (unsigned long long)all[r].start);
    cJSON_AddStringToObject(rank, "host", all[r].host);
    cJSON_AddStringToObject(rank, "place", all[r].place);
    cJSON_AddNumberToObject(rank, "pid", (double)all[r].pid);
    cJSON_AddStringToObject(rank, "start", start);
    cJSON_AddItemToArray(ranks, rank);
  }
  char *text = cJSON_Print(root);
  cJSON_Delete(root);
  Status status = text ? memory_text(json, text) : status_fail(MEMORY, "out of memory");
  cJSON_free(text);
  return status;
}

/* Is a process of the attempt in text alive here? *foreign: some run elsewhere. */
static bool alive_here(const char *text, const Process *here, Process *alive, bool *foreign) {
  cJSON *root = cJSON_Parse(text), *rank = NULL;
  bool found = false;
  *foreign = false;
  cJSON_ArrayForEach(rank, cJSON_GetObjectItem(root, "ranks")) {
    const char *host = cJSON_GetStringValue(cJSON_GetObjectItem(rank, "host"));
    const char *place = cJSON_GetStringValue(cJSON_GetObjectItem(rank, "place"));
    const char *start = cJSON_GetStringValue(cJSON_GetObjectItem(rank, "start"));
    const cJSON *number = cJSON_GetObjectItem(rank, "pid");
    if (!host || !start || !cJSON_IsNumber(number)) continue;
    int64_t pid = number->valuedouble > 0 && number->valuedouble <= INT32_MAX
                      ? (int64_t)number->valuedouble
                      : 0;
    if (strcmp(host, here->host) != 0 || !place || strcmp(place, here->place) != 0) {
      *foreign = true;
      if (!found) snprintf(alive->host, sizeof alive->host, "%s", host);
    } else if (!found && process_runs(pid, strtoull(start, NULL, 10))) {
      found = true;
      alive->pid = pid;
    }
  }
  cJSON_Delete(root);
  return found;
}

/* Has the file been touched since *last? Updates *last; false when it is gone. Opened anew, so that
 * a network file system asks its server. */
static bool touched(const char *path, struct timespec *last) {
  struct stat info;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  bool changed = fstat(fd, &info) == 0 &&
                 (info.st_mtim.tv_sec != last->tv_sec || info.st_mtim.tv_nsec != last->tv_nsec);
  close(fd);
  if (changed) *last = info.st_mtim;
  return changed;
}

static Status stopped_waiting(const char *path) {
  return status_fail(STOPPED,
                     "%s: stopped on request while waiting for another attempt; run again "
                     "to go on",
                     path);
}

/* Wait until no process of the attempt in text runs here. */
static Status wait_for_processes(const char *path, const char *text, const Process *here,
                                 Process *other, bool *foreign) {
  for (int64_t tenth = 0; alive_here(text, here, other, foreign); tenth++) {
    if (tenth == 10 * LEFTOVER_SECONDS)
      return status_fail(IO,
                         "%s: another attempt owns this run folder (process %lld on %s); wait "
                         "for it, stop it, or use another --run-dir",
                         path, (long long)other->pid, here->host);
    if (stop_requested()) return stopped_waiting(path);
    if (!file_exists(path)) break; /* given back */
    if (tenth == 10)
      fprintf(stderr, "segue: waiting for process %lld of another attempt to end\n",
              (long long)other->pid);
    usleep(100000);
  }
  return OK;
}

/* Watch the heartbeat of an attempt elsewhere until it is dead for certain. */
static Status watch_heartbeat(const char *path, const Process *other) {
  struct timespec beat_at = {0};
  touched(path, &beat_at);
  fprintf(stderr, "segue: %s names processes on %s; watching its heartbeat\n", path, other->host);
  for (int tenth = 0; tenth < 10 * SILENCE_SECONDS && file_exists(path); tenth++) {
    if (stop_requested()) return stopped_waiting(path);
    usleep(100000);
    if (!touched(path, &beat_at)) continue;
    return status_fail(IO,
                       "%s: another attempt owns this run folder (on %s, its heartbeat is "
                       "alive); wait for it, stop it, or use another --run-dir",
                       path, other->host);
  }
  return OK;
}

/* Read owner.json; where it says nothing (yet) look again for a second. NULL: it is gone. */
static Status read_owner(const char *path, char **text) {
  for (int tenth = 0;; tenth++) {
    int64_t n = 0;
    memory_free(text);
    if (!file_exists(path)) return OK;
    Status status = file_read(path, text, &n);
    if (status != OK) return file_exists(path) ? status : OK;
    cJSON *root = cJSON_Parse(*text);
    bool readable = cJSON_IsObject(root);
    cJSON_Delete(root);
    if (readable || tenth == 10) return OK;
    usleep(100000);
  }
}

/* Does the file hold this text? */
static bool holds(const char *path, const char *want) {
  char *text = NULL;
  int64_t n = 0;
  bool same = file_exists(path) && file_read(path, &text, &n) == OK && strcmp(text, want) == 0;
  memory_free(&text);
  return same;
}

/* Take a dead attempt's file away, but not that of one that came in between: looked at before the
 * rename, and once more behind it. */
static Status take_away(const Owner *owner, const char *judged) {
  Status status = OK;
  char aside[PATH_MAX];
  snprintf(aside, sizeof aside, "%.*s.dead-%lld", (int)sizeof aside - 64, owner->path,
           (long long)getpid());
  if (!holds(owner->path, judged)) return OK;
  if (rename(owner->path, aside) != 0) return OK; /* somebody else took it away */
  if (!holds(aside, judged) && link(aside, owner->path) != 0 && errno != EEXIST)
    status = status_fail(IO, "%s: cannot put this file back: %s", owner->path, strerror(errno));
  unlink(aside);
  return status;
}

/* Make owner.json. *there: it exists already. */
static Status create(Owner *owner, const char *json, bool *there) {
  char mine[PATH_MAX];
  snprintf(mine, sizeof mine, "%.*s.new-%lld", (int)sizeof mine - 64, owner->path,
           (long long)getpid());
  Status status = file_write(mine, json, (int64_t)strlen(json));
  if (status != OK) return status;
  int failure = link(mine, owner->path) == 0 ? 0 : errno;
  unlink(mine);
  *there = failure == EEXIST;
  if (failure == 0 || *there) return OK;
  int fd = open(owner->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  *there = fd < 0 && errno == EEXIST;
  if (fd < 0 && !*there)
    return status_fail(IO, "%s: cannot take this run folder: %s", owner->path, strerror(errno));
  if (fd < 0) return OK;
  close(fd);
  return file_write(owner->path, json, (int64_t)strlen(json));
}

/* Wait for the attempt whose owner.json stands there to be gone, and clear it away. */
static Status clear_leftover(const Owner *owner, const Process *here) {
  Status status = OK;
  char *text = NULL;
  bool foreign = false;
  Process other = {0};
  TRY(read_owner(owner->path, &text));
  if (!text) goto done;
  TRY(wait_for_processes(owner->path, text, here, &other, &foreign));
  if (foreign) TRY(watch_heartbeat(owner->path, &other));
  TRY(take_away(owner, text));
done:
  memory_free(&text);
  return status;
}

static Status take(const char *run_dir, const Process *all, int size, Owner **out) {
  Status status = OK;
  Owner *owner = NULL;
  char *json = NULL;
  bool there = true;
  TRY(file_make_folder(run_dir));
  TRY(NEW(&owner, 1));
  snprintf(owner->path, sizeof owner->path, "%s/owner.json", run_dir);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  snprintf(owner->token, sizeof owner->token, "%s-%lld-%lld.%09ld", all[0].host,
           (long long)all[0].pid, (long long)now.tv_sec, now.tv_nsec);
  TRY(describe(all, size, owner->token, &json));
  for (int attempt = 0; there; attempt++) {
    TRY(create(owner, json, &there));
    if (!there) break;
    if (attempt == TAKE_ATTEMPTS) {
      status = status_fail(IO,
                           "%s: other attempts take this run folder at the same time; wait for "
                           "them, or use another --run-dir",
                           owner->path);
      goto done;
    }
    TRY(clear_leftover(owner, &all[0]));
  }
  note_file(owner);
  start_beating(owner);
  *out = owner;
  owner = NULL;
done:
  memory_free(&owner);
  memory_free(&json);
  return status;
}

static Process this_process(void) {
  Process mine = {.pid = getpid(), .start = process_start(getpid())};
  gethostname(mine.host, sizeof mine.host - 1);
  place_of(mine.place, sizeof mine.place);
  return mine;
}

bool owner_is_gone(const char *run_dir) {
  char path[PATH_MAX], *text = NULL;
  int64_t n = 0;
  bool foreign = false;
  Process here = this_process(), other = {0};
  snprintf(path, sizeof path, "%s/owner.json", run_dir);
  if (!file_exists(path)) return true;
  bool gone =
      file_read(path, &text, &n) == OK && !alive_here(text, &here, &other, &foreign) && !foreign;
  memory_free(&text);
  return gone;
}

Status owner_take_all(const Comm *comm, const char *run_dir, Owner **owner) {
  Status status = OK;
  Process mine = this_process(), *all = NULL;
  *owner = NULL;
  AGREE(comm, NEW(&all, comm->size));
  comm_allgather_all(comm, &mine, sizeof mine, all);
  AGREE(comm, comm->rank == 0 ? take(run_dir, all, comm->size, owner) : OK);
done:
  memory_free(&all);
  return status;
}

Status owner_check(const Owner *owner) {
  if (!owner) return OK;
  char *text = NULL;
  int64_t n = 0;
  /* One that takes a dead attempt's file away may have ours in its hands for a moment. */
  for (int tenth = 0; tenth < 5 && !file_exists(owner->path); tenth++) usleep(100000);
  Status status = file_read(owner->path, &text, &n);
  if (status != OK)
    status = status_prefix(status, "the run folder was removed or taken from this attempt: ");
  else if (!strstr(text, owner->token))
    status = status_fail(IO, "%s: another attempt has taken this run folder", owner->path);
  memory_free(&text);
  return status;
}

void owner_release(Owner **address) {
  Owner *owner = *address;
  if (!owner) return;
  pthread_mutex_lock(&owner->lock);
  owner->ending = true;
  pthread_cond_signal(&owner->wake);
  pthread_mutex_unlock(&owner->lock);
  if (owner->beating) pthread_join(owner->thread, NULL);
  pthread_mutex_destroy(&owner->lock);
  pthread_cond_destroy(&owner->wake);
  char kept[2048]; /* what is said last is the outcome of the run */
  snprintf(kept, sizeof kept, "%s", status_message());
  if (owner_check(owner) == OK) unlink(owner->path);
  status_fail(OK, "%s", kept);
  memory_free(address);
}
