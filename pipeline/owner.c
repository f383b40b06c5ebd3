/* The owner of a run folder; see owner.h. */
#define _GNU_SOURCE
#include "owner.h"

#include <cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "io/file.h"
#include "kernels/base/memory.h"

enum {
  HEARTBEAT_SECONDS = 2,
  LEFTOVER_SECONDS = 15, /* how long processes of a killed attempt are waited for */
  SILENCE_SECONDS = 20   /* a heartbeat of another host that stands still this long is dead */
};

struct Owner {
  char path[PATH_MAX];
  char token[160];
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t wake;
  bool ending, beating;
};

typedef struct Process {
  int64_t pid;
  uint64_t start; /* clock ticks after boot: tells a process from a later one of the same number */
  char host[64];
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
  if (!at || sscanf(at + 2, "%c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
                            "%*d %*d %llu", &state, &start) != 2)
    return 0;
  return state == 'Z' ? 0 : start;
}

static void *beat(void *context) {
  Owner *owner = context;
  pthread_mutex_lock(&owner->lock);
  while (!owner->ending) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += HEARTBEAT_SECONDS;
    pthread_cond_timedwait(&owner->wake, &owner->lock, &until);
    if (!owner->ending) utimensat(AT_FDCWD, owner->path, NULL, 0);
  }
  pthread_mutex_unlock(&owner->lock);
  return NULL;
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

/* Is a process of the attempt in text alive on this host? *foreign: some are on other hosts. */
static bool alive_here(const char *text, const char *host, Process *alive, bool *foreign) {
  cJSON *root = cJSON_Parse(text), *rank = NULL;
  bool found = false;
  *foreign = false;
  cJSON_ArrayForEach(rank, cJSON_GetObjectItem(root, "ranks")) {
    const char *where = cJSON_GetStringValue(cJSON_GetObjectItem(rank, "host"));
    const char *start = cJSON_GetStringValue(cJSON_GetObjectItem(rank, "start"));
    int64_t pid = (int64_t)cJSON_GetNumberValue(cJSON_GetObjectItem(rank, "pid"));
    if (!where || !start) continue;
    if (strcmp(where, host) != 0) {
      *foreign = true;
      snprintf(alive->host, sizeof alive->host, "%s", where);
    } else if (!found && process_start(pid) == strtoull(start, NULL, 10)) {
      found = true;
      alive->pid = pid;
    }
  }
  cJSON_Delete(root);
  return found;
}

/* Has the file been touched since *last? Updates *last; false when it is gone. */
static bool touched(const char *path, struct timespec *last) {
  struct stat info;
  if (stat(path, &info) != 0) return false;
  bool changed = info.st_mtim.tv_sec != last->tv_sec || info.st_mtim.tv_nsec != last->tv_nsec;
  *last = info.st_mtim;
  return changed;
}

/* Wait until the attempt that left `path` is gone. */
static Status wait_for_leftovers(const char *path, const char *host) {
  Status status = OK;
  char *text = NULL;
  int64_t n = 0;
  bool foreign = false;
  Process alive = {0};
  struct timespec beat_at = {0};
  TRY(file_read(path, &text, &n));
  for (int64_t tenth = 0; alive_here(text, host, &alive, &foreign); tenth++) {
    if (tenth == 10 * LEFTOVER_SECONDS) {
      status = status_fail(IO, "%s: another attempt owns this run folder (process %lld on %s); wait "
                           "for it, stop it, or use another --run-dir", path,
                           (long long)alive.pid, host);
      goto done;
    }
    if (tenth == 10) fprintf(stderr, "segue: waiting for the processes of a killed attempt\n");
    usleep(100000);
  }
  if (!foreign) goto done;
  touched(path, &beat_at);
  fprintf(stderr, "segue: %s names processes on %s; watching its heartbeat\n", path, alive.host);
  for (int second = 0; second < SILENCE_SECONDS; second++) {
    sleep(1);
    if (!touched(path, &beat_at)) continue;
    status = status_fail(IO, "%s: another attempt owns this run folder (on %s, its heartbeat is "
                         "alive); wait for it, stop it, or use another --run-dir", path, alive.host);
    goto done;
  }
done:
  memory_free(&text);
  return status;
}

static Status take(const char *run_dir, const Process *all, int size, Owner **out) {
  Status status = OK;
  Owner *owner = NULL;
  char *json = NULL;
  TRY(file_make_folder(run_dir));
  TRY(NEW(&owner, 1));
  snprintf(owner->path, sizeof owner->path, "%s/owner.json", run_dir);
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  snprintf(owner->token, sizeof owner->token, "%s-%lld-%lld.%09ld", all[0].host,
           (long long)all[0].pid, (long long)now.tv_sec, now.tv_nsec);
  TRY(describe(all, size, owner->token, &json));
  for (int attempt = 0;; attempt++) {
    int fd = open(owner->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) {
      close(fd);
      break;
    }
    if (errno != EEXIST || attempt == 3) {
      status = status_fail(IO, "%s: cannot take this run folder: %s", owner->path, strerror(errno));
      goto done;
    }
    TRY(wait_for_leftovers(owner->path, all[0].host));
    unlink(owner->path);
  }
  TRY(file_write(owner->path, json, (int64_t)strlen(json)));
  pthread_mutex_init(&owner->lock, NULL);
  pthread_cond_init(&owner->wake, NULL);
  owner->beating = pthread_create(&owner->thread, NULL, beat, owner) == 0;
  *out = owner;
  owner = NULL;
done:
  memory_free(&owner);
  memory_free(&json);
  return status;
}

Status owner_take_all(const Comm *comm, const char *run_dir, Owner **owner) {
  Status status = OK;
  Process mine = {.pid = getpid(), .start = process_start(getpid())}, *all = NULL;
  *owner = NULL;
  gethostname(mine.host, sizeof mine.host - 1);
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
  Status status = file_read(owner->path, &text, &n);
  if (status == OK && !strstr(text, owner->token))
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
  if (owner_check(owner) == OK) unlink(owner->path);
  memory_free(address);
}
