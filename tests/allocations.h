/* Allocations that fail, each in turn. */
#ifndef SEGUE_TESTS_ALLOCATIONS_H
#define SEGUE_TESTS_ALLOCATIONS_H

#include "kernels/base/comm.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "tests/check.h"

/* The nth allocation fails on one rank, for every nth: all ranks say so, none hangs, and nothing is
 * left. run is collective and frees what it makes. Returns how often it ran. */
static inline int64_t allocations_fail(const Comm *comm, Status (*run)(const Comm *, void *),
                                       void *context) {
  int64_t nth = 1, balance = memory_balance();
  for (Status status = MEMORY; status != OK; nth++) {
    bool mine = nth % comm->size == comm->rank;
    fault_arm(FAULT_MEMORY, mine ? (nth + comm->size - 1) / comm->size : 0, false);
    status = run(comm, context);
    bool untouched = mine && fault_count(FAULT_MEMORY) < (nth + comm->size - 1) / comm->size;
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK(status == MEMORY || status == OK);
    if (status == OK) CHECK(comm_any_all(comm, untouched));
    CHECK_INTEGER(memory_balance(), balance);
  }
  CHECK(nth > 2);
  return nth;
}

#endif
