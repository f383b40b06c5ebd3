/* Status and message of a fallible call, and the agreement of ranks on one.
 *
 * A function that can fail returns Status and leaves a message for people: what, the value, what
 * is allowed, the fix. The message belongs to the process (Segue runs one thread a rank).
 * Local calls are wrapped in TRY, local work inside a collective function in AGREE; both need a
 * variable `status` and a label `done:` in the function. */
#ifndef SEGUE_BASE_STATUS_H
#define SEGUE_BASE_STATUS_H

typedef struct Comm Comm;

typedef enum Status {
  OK = 0,
  INVALID, /* an option, argument or combination that is not allowed */
  FORMAT,  /* input data is not what it has to be; the message names file, line, column */
  MEMORY,  /* an allocation failed */
  IO,      /* the operating system refused to read, write, rename ... */
  NUMERIC, /* a value that no computation can go on from */
  STOPPED, /* a stop was asked for; what is finished is saved */
} Status;

#define CHECKED __attribute__((warn_unused_result))

/* Record a message and return code. Local. The message is cut at 2,047 bytes. */
Status status_fail(Status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put text in front of the message of a failure; returns code, OK stays untouched. Local. */
Status status_prefix(Status code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The message of the last failure of this process; "" when there was none. Local, borrowed. */
const char *status_message(void);

/* The name of a code, such as "IO". Local. */
const char *status_name(Status code);

/* Give all ranks the status and the message of the lowest failing rank, OK when none failed.
 * Collective. One Allreduce of one number; a broadcast more when there is a failure. */
CHECKED Status status_agree_all(const Comm *comm, Status local);

/* Wrap a fallible call that needs no agreement: local work, or an _all function. */
#define TRY(call)                                                                                  \
  do {                                                                                             \
    if ((status = (call)) != OK) goto done;                                                        \
  } while (0)

/* Wrap local work inside a collective function: all ranks go on, or all leave with one message. */
#define AGREE(comm, call)                                                                          \
  do {                                                                                             \
    if ((status = status_agree_all((comm), (call))) != OK) goto done;                              \
  } while (0)

#endif
