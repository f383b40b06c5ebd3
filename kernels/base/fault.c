/* Fault points; see fault.h. */
#include "fault.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Fault {
  int64_t passed, at;
  bool all_after;
} Fault;

static Fault faults[FAULT_KINDS];
static const char *const names[FAULT_KINDS] = {"memory", "read", "write", "kill"};

bool fault_hit(FaultKind kind) {
  Fault *fault = &faults[kind];
  fault->passed++;
  if (fault->at == 0) return false;
  bool hit = fault->all_after ? fault->passed >= fault->at : fault->passed == fault->at;
  if (hit && kind == FAULT_KILL) raise(SIGKILL);
  return hit;
}

void fault_arm(FaultKind kind, int64_t nth, bool all_after) {
  faults[kind] = (Fault){.at = nth, .all_after = all_after};
}

int64_t fault_count(FaultKind kind) { return faults[kind].passed; }

void fault_from_environment(int rank) {
  const char *text = getenv("SEGUE_FAULT");
  char name[16], after = 0;
  int at_rank = 0;
  long long nth = 0;
  if (!text || sscanf(text, "%15[a-z]@%d:%lld%c", name, &at_rank, &nth, &after) < 3) return;
  for (int kind = 0; kind < FAULT_KINDS; kind++) {
    if (rank == at_rank && strcmp(name, names[kind]) == 0)
      fault_arm((FaultKind)kind, nth, after == '+');
  }
}
