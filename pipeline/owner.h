/* The owner of a run folder: keeps two attempts from writing into one.
 *
 * owner.json names host, processes (with their start times) and a token; a thread of rank 0 touches
 * it every two seconds. Ranks outlive a killed mpirun by about two seconds: a new attempt on the
 * same host waits until the processes of the old one are gone. On another host or in another
 * container, processes cannot be looked at: a heartbeat that stands still shows that the attempt is
 * dead. */
#ifndef SEGUE_PIPELINE_OWNER_H
#define SEGUE_PIPELINE_OWNER_H

#include "kernels/base/comm.h"

typedef struct Owner Owner;

/* Take the folder, waiting for leftovers of a killed attempt. Collective. *owner is NULL except on
 * rank 0. Fails with IO when another attempt is alive (agreed; names host and process and what to
 * do) or the file cannot be written, STOPPED when a stop was asked for while it waited. */
CHECKED Status owner_take_all(const Comm *comm, const char *run_dir, Owner **owner);
/* Give it back. Local. Accepts NULL. */
void owner_release(Owner **owner);
/* Fails with IO when the file is no longer ours (somebody removed or replaced it). Local; OK where
 * owner is NULL. Looked at before anything is renamed into place. */
CHECKED Status owner_check(const Owner *owner);

/* Is nobody at work in the folder, as far as can be told at once: no owner file, or one whose
 * processes ran here and are gone? Local. */
bool owner_is_gone(const char *run_dir);

#endif
