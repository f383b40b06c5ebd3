/* The launch: MPI, the right BLAS kernels, a launch gone wrong, one arithmetic profile. */
#ifndef SEGUE_PIPELINE_LAUNCH_H
#define SEGUE_PIPELINE_LAUNCH_H

#include <stddef.h>

#include "kernels/base/comm.h"

/* Where OpenBLAS did not recognise the CPU, set OPENBLAS_CORETYPE and start the program anew: the
 * library chooses its kernels before main. Returns when nothing has to be done. Call first. */
void launch_right_blas(char **words);

/* Start MPI once; later calls do nothing. Local commands never need it. Fails with INVALID when
 * this is one of several processes that each believe to be alone. */
CHECKED Status launch_mpi(Comm *world);
void launch_finish(void);

/* Machine, compiler flags and BLAS kernels that fix the arithmetic, as one line. Local. */
void launch_profile(char *text, size_t bytes);

/* Do all ranks have the profile of rank 0? Collective. Fails with INVALID naming two unlike ranks
 * and the line that makes them alike; agreed. */
CHECKED Status launch_check_profile_all(const Comm *comm);

#endif
