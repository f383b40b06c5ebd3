/* The request to stop: SIGTERM, SIGINT, SIGUSR1 or SIGUSR2 set a flag that loops look at. */
#ifndef SEGUE_PIPELINE_STOP_H
#define SEGUE_PIPELINE_STOP_H

#include <stdbool.h>

/* Install the handlers, before MPI_Init, so that an early signal is not fatal; note false: leave
 * signals deadly, for commands that have nothing to save. Both ignore SIGPIPE and let signals in
 * that were held back over an exec. Local. */
void stop_install(bool note);
/* Hold the signals back (true) over an exec, which forgets handlers and what they noted. Local. */
void stop_hold(bool hold);
/* Was a stop asked for on this rank? Local. */
bool stop_requested(void);
/* The name of the signal, such as "SIGTERM"; "" when there was none. Local. */
const char *stop_signal(void);

#endif
