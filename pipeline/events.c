/* events.jsonl; see events.h. */
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/file.h"
#include "kernels/base/memory.h"

void event_time(char text[32]) {
  time_t now = time(NULL);
  struct tm utc;
  strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
}

cJSON *event_new(const char *what, const char *stage) {
  char now[32];
  event_time(now);
  cJSON *event = cJSON_CreateObject();
  cJSON_AddStringToObject(event, "time", now);
  cJSON_AddStringToObject(event, "event", what);
  if (stage) cJSON_AddStringToObject(event, "stage", stage);
  return event;
}

void event_repair(const char *run_dir) {
  char path[PATH_MAX], last[1];
  snprintf(path, sizeof path, "%s/events.jsonl", run_dir);
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  off_t end = lseek(fd, 0, SEEK_END), whole = end;
  while (whole > 0 && pread(fd, last, 1, whole - 1) == 1 && last[0] != '\n') whole--;
  /* Where it cannot be cut off it is at least a line of its own. */
  if (whole < end && ftruncate(fd, whole) != 0 && pwrite(fd, "\n", 1, end) != 1) errno = 0;
  close(fd);
}

Status event_append(const char *run_dir, cJSON *event) {
  Status status = OK;
  char path[PATH_MAX], *line = NULL;
  char *text = cJSON_PrintUnformatted(event);
  cJSON_Delete(event);
  if (!text) return status_fail(MEMORY, "out of memory");
  size_t n = strlen(text);
  TRY(NEW(&line, (int64_t)n + 2));
  memcpy(line, text, n);
  line[n] = '\n';
  snprintf(path, sizeof path, "%s/events.jsonl", run_dir);
  status = file_append(path, line, (int64_t)n + 1);
done:
  cJSON_free(text);
  memory_free(&line);
  return status;
}
