/* Fault points: places that can fail in the field and that a test can make fail.
 *
 * SEGUE_FAULT=KIND@RANK:N makes the N-th (from 1) point of that kind fail on that rank of
 * MPI_COMM_WORLD, once; KIND@RANK:N+ makes all from the N-th on fail. Kinds: memory, read, write,
 * and kill, which ends the process with SIGKILL at a unit of work or a stage border. */
#ifndef SEGUE_BASE_FAULT_H
#define SEGUE_BASE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

typedef enum FaultKind { FAULT_MEMORY, FAULT_READ, FAULT_WRITE, FAULT_KILL, FAULT_KINDS } FaultKind;

/* Count one point; true when it has to fail. Local. */
bool fault_hit(FaultKind kind);
/* Arm in a test: the nth point from now fails on this rank; n = 0 disarms. Local. */
void fault_arm(FaultKind kind, int64_t nth, bool all_after);
/* Read SEGUE_FAULT; call once after MPI_Init with the world rank. Local. */
void fault_from_environment(int rank);
/* Points passed since fault_arm. Local. */
int64_t fault_count(FaultKind kind);

#endif
