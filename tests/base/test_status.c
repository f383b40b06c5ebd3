/* Status, messages, their agreement; memory, its balance and its fault points. */
#include "kernels/base/status.h"

#include <stdlib.h>

#include "kernels/base/comm.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "tests/check.h"

static void test_messages(void) {
  CHECK_TEXT(status_message(), "");
  CHECK_INTEGER(status_fail(FORMAT, "data.csv:%d: \"%s\"", 7, "12o.5"), FORMAT);
  CHECK_TEXT(status_message(), "data.csv:7: \"12o.5\"");
  CHECK_INTEGER(status_prefix(FORMAT, "stage \"%s\": ", "tracks"), FORMAT);
  CHECK_TEXT(status_message(), "stage \"tracks\": data.csv:7: \"12o.5\"");
  CHECK_INTEGER(status_prefix(OK, "never"), OK);
  CHECK_TEXT(status_message(), "stage \"tracks\": data.csv:7: \"12o.5\"");
  CHECK_INTEGER(status_fail(IO, "again: %s", status_message()), IO);
  CHECK_TEXT(status_message(), "again: stage \"tracks\": data.csv:7: \"12o.5\"");
  char text[3000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = 0;
  CHECK_INTEGER(status_fail(IO, "%s", text), IO);
  CHECK_INTEGER((int64_t)strlen(status_message()), 2047);
  CHECK_INTEGER(status_prefix(IO, "front: "), IO);
  CHECK_INTEGER((int64_t)strlen(status_message()), 2047);
  CHECK_MESSAGE("front: xxx");
  const char *names[] = {"OK", "INVALID", "FORMAT", "MEMORY", "IO", "NUMERIC", "STOPPED"};
  for (int i = 0; i <= STOPPED; i++) CHECK_TEXT(status_name((Status)i), names[i]);
}

/* The lowest failing rank speaks for all. */
static void test_agreement(const Comm *comm) {
  CHECK_INTEGER(status_agree_all(comm, OK), OK);
  for (int first = 0; first < comm->size; first++) {
    Status local = OK, expected = first % 2 ? NUMERIC : IO;
    if (comm->rank == first) local = status_fail(expected, "rank %d", first);
    if (comm->rank > first && comm->rank % 2) local = status_fail(INVALID, "a later rank");
    char text[32];
    snprintf(text, sizeof text, "rank %d", first);
    CHECK_INTEGER(status_agree_all(comm, local), expected);
    CHECK_TEXT(status_message(), text);
  }
}

static Status grow(const Comm *comm, int64_t **numbers) {
  Status status = OK;
  AGREE(comm, NEW(numbers, 10));
  AGREE(comm, GROW(numbers, 10, 20));
done:
  return status;
}

static void test_memory(const Comm *comm) {
  int64_t *numbers = NULL, capacity = 0;
  CHECK_OK(NEW(&numbers, 0));
  CHECK(numbers != NULL);
  CHECK_INTEGER(memory_balance(), 1);
  memory_free(&numbers);
  CHECK(numbers == NULL);
  memory_free(&numbers);
  CHECK_INTEGER(memory_balance(), 0);
  CHECK_INTEGER(NEW(&numbers, -1), MEMORY);
  CHECK_MESSAGE("-1 items of 8 bytes");
  CHECK_INTEGER(NEW(&numbers, INT64_MAX / 4), MEMORY);
  CHECK(numbers == NULL);
  for (int64_t i = 0; i < 1000; i++) {
    CHECK_OK(RESERVE(&numbers, &capacity, i + 1));
    CHECK((uintptr_t)numbers % 64 == 0);
    CHECK_INTEGER(numbers[i], 0);
    numbers[i] = i;
  }
  for (int64_t i = 0; i < 1000; i++) CHECK_INTEGER(numbers[i], i);
  CHECK_INTEGER(GROW(&numbers, capacity, -5), MEMORY);
  CHECK_INTEGER(numbers[999], 999);
  memory_free(&numbers);
  for (int rank = 0; rank < comm->size; rank++) {
    for (int64_t nth = 1; nth <= 3; nth++) {
      if (comm->rank == rank) fault_arm(FAULT_MEMORY, nth, false);
      CHECK_INTEGER(grow(comm, &numbers), nth <= 2 ? MEMORY : OK);
      fault_arm(FAULT_MEMORY, 0, false);
      memory_free(&numbers);
    }
  }
  CHECK(memory_peak() > 1000000);
}

static void test_faults(void) {
  fault_arm(FAULT_READ, 2, false);
  CHECK(!fault_hit(FAULT_READ) && fault_hit(FAULT_READ) && !fault_hit(FAULT_READ));
  CHECK_INTEGER(fault_count(FAULT_READ), 3);
  fault_arm(FAULT_WRITE, 2, true);
  CHECK(!fault_hit(FAULT_WRITE) && fault_hit(FAULT_WRITE) && fault_hit(FAULT_WRITE));
  setenv("SEGUE_FAULT", "write@3:2", 1);
  fault_arm(FAULT_WRITE, 0, false);
  fault_from_environment(1);
  CHECK(!fault_hit(FAULT_WRITE) && !fault_hit(FAULT_WRITE));
  fault_from_environment(3);
  CHECK(!fault_hit(FAULT_WRITE) && fault_hit(FAULT_WRITE) && !fault_hit(FAULT_WRITE));
  setenv("SEGUE_FAULT", "write@3:1+", 1);
  fault_from_environment(3);
  CHECK(fault_hit(FAULT_WRITE) && fault_hit(FAULT_WRITE));
  fault_arm(FAULT_WRITE, 0, false);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  test_messages();
  test_agreement(&comm);
  test_memory(&comm);
  test_faults();
  CHECK_INTEGER(memory_balance(), 0);
  MPI_Finalize();
  return check_report("base_status");
}
