/* The request to stop: SIGTERM, SIGINT, SIGUSR1 or SIGUSR2 set a flag that loops look at. */
#ifndef SEGUE_PIPELINE_STOP_H
#define SEGUE_PIPELINE_STOP_H

#include <stdbool.h>

/* Install the handlers; call before MPI_Init too, so that an early signal is not fatal. Local. */
void stop_install(void);
/* Was a stop asked for on this rank? Local. */
bool stop_requested(void);
/* The name of the signal, such as "SIGTERM"; "" when there was none. Local. */
const char *stop_signal(void);

#endif
