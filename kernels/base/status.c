/* Status messages and their agreement over ranks; see status.h. */
#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "comm.h"

enum { MESSAGE_BYTES = 2048 };

static char message[MESSAGE_BYTES];

static const char *const names[] = {"OK", "INVALID", "FORMAT", "MEMORY",
                                    "IO", "NUMERIC", "STOPPED"};

Status status_fail(Status code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char text[MESSAGE_BYTES]; /* the arguments may point into message */
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  memcpy(message, text, sizeof message);
  return code;
}

Status status_prefix(Status code, const char *format, ...) {
  if (code == OK) return OK;
  va_list arguments;
  va_start(arguments, format);
  char text[MESSAGE_BYTES];
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  size_t used = strlen(text);
  snprintf(text + used, sizeof text - used, "%s", message);
  memcpy(message, text, sizeof message);
  return code;
}

const char *status_message(void) { return message; }

const char *status_name(Status code) { return names[code]; }

Status status_agree_all(const Comm *comm, Status local) {
  int64_t first = local == OK ? comm->size : comm->rank;
  comm_min_all(comm, &first, 1);
  if (first == comm->size) return OK;
  struct {
    int code;
    char text[MESSAGE_BYTES];
  } verdict = {.code = (int)local};
  memcpy(verdict.text, message, sizeof message);
  comm_broadcast_all(comm, (int)first, &verdict, sizeof verdict);
  memcpy(message, verdict.text, sizeof message);
  return (Status)verdict.code;
}
