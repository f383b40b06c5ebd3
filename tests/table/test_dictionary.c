/* Dictionaries: build against a naive sort, find, copy, and the union over ranks. */
#include <stdlib.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "kernels/table/table.h"
#include "tests/check.h"

enum { MANY = 50000 };

static uint64_t state;

static uint64_t next(void) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return state >> 33;
}

/* n words of 0 to 11 bytes over a small alphabet with NUL and bytes above 127; of MANY, numbers. */
static void random_words(int64_t n, char **bytes, int64_t **offset) {
  static const char alphabet[] = {'a', 'b', '\0', (char)0xc3};
  CHECK_OK(NEW(bytes, 12 * n));
  CHECK_OK(NEW(offset, n + 1));
  for (int64_t i = 0; i < n; i++) {
    if (n > MANY) { /* nearly all distinct */
      int made = sprintf(*bytes + (*offset)[i], "%d", (int)(next() % 1000000000));
      (*offset)[i + 1] = (*offset)[i] + made;
      continue;
    }
    int64_t length = (int64_t)(next() % 12);
    if (next() % 3 > 0) length = length % 3;
    for (int64_t j = 0; j < length; j++) (*bytes)[(*offset)[i] + j] = alphabet[next() % 4];
    (*offset)[i + 1] = (*offset)[i] + length;
  }
}

static int order(const char *a, int64_t a_n, const char *b, int64_t b_n) {
  int64_t i = 0;
  while (i < a_n && i < b_n && a[i] == b[i]) i++;
  if (i < a_n && i < b_n) return (uint8_t)a[i] < (uint8_t)b[i] ? -1 : 1;
  return (a_n > b_n) - (a_n < b_n);
}

static void check_sorted(const Dictionary *dictionary) {
  for (int32_t w = 1; w < dictionary->n; w++) {
    int64_t n[2];
    const char *a = dictionary_word(dictionary, w - 1, &n[0]);
    const char *b = dictionary_word(dictionary, w, &n[1]);
    CHECK(order(a, n[0], b, n[1]) < 0);
  }
}

static void test_build(int64_t n) {
  char *bytes = NULL;
  int64_t *offset = NULL;
  int32_t *codes = NULL;
  Dictionary dictionary, copy;
  random_words(n, &bytes, &offset);
  CHECK_OK(NEW(&codes, n));
  CHECK_OK(dictionary_build(bytes, offset, n, &dictionary, codes));
  check_sorted(&dictionary);
  CHECK(dictionary.n <= n && (n == 0 || dictionary.n > 0));
  uint8_t *used = NULL;
  CHECK_OK(NEW(&used, dictionary.n));
  for (int64_t i = 0; i < n; i++) {
    int64_t length = 0, want = offset[i + 1] - offset[i];
    const char *word = dictionary_word(&dictionary, codes[i], &length);
    CHECK(order(word, length, bytes + offset[i], want) == 0);
    CHECK_INTEGER(dictionary_find(&dictionary, bytes + offset[i], want), codes[i]);
    used[codes[i]] = 1;
  }
  for (int32_t w = 0; w < dictionary.n; w++) CHECK(used[w]);
  CHECK_INTEGER(dictionary_find(&dictionary, "zebra", 5), MISSING_CODE);
  CHECK_OK(dictionary_copy(&dictionary, &copy));
  CHECK_INTEGER(copy.n, dictionary.n);
  for (int32_t w = 0; w < copy.n; w++) {
    int64_t length = 0;
    const char *word = dictionary_word(&copy, w, &length);
    CHECK_INTEGER(dictionary_find(&dictionary, word, length), w);
  }
  memory_free(&used);
  memory_free(&bytes);
  memory_free(&offset);
  memory_free(&codes);
  dictionary_clear(&dictionary);
  dictionary_clear(&copy);
}

/* Rank r brings every third word of a common list, from r on; rank 1 brings none. */
static void test_merge(const Comm *comm, int64_t n, uint64_t seed) {
  char *bytes = NULL, *own = NULL;
  int64_t *offset = NULL, *own_offset = NULL, n_own = 0;
  int32_t *remap = NULL;
  Dictionary mine, merged, whole;
  state = seed;
  random_words(n, &bytes, &offset);
  CHECK_OK(NEW(&own, offset[n]));
  CHECK_OK(NEW(&own_offset, n + 1));
  for (int64_t i = comm->rank; i < n && comm->rank != 1; i += 3) {
    int64_t length = offset[i + 1] - offset[i];
    memcpy(own + own_offset[n_own], bytes + offset[i], (size_t)length);
    own_offset[n_own + 1] = own_offset[n_own] + length;
    n_own++;
  }
  CHECK_OK(dictionary_build(own, own_offset, n_own, &mine, NULL));
  CHECK_OK(dictionary_build(bytes, offset, n, &whole, NULL));
  CHECK_OK(NEW(&remap, mine.n));
  CHECK_OK(dictionary_merge_all(comm, &mine, &merged, remap));
  check_sorted(&merged);
  for (int32_t w = 0; w < mine.n; w++) {
    int64_t length = 0;
    const char *word = dictionary_word(&mine, w, &length);
    CHECK_INTEGER(dictionary_find(&merged, word, length), remap[w]);
  }
  for (int32_t w = 0; w < merged.n; w++) {
    int64_t length = 0;
    const char *word = dictionary_word(&merged, w, &length);
    CHECK(dictionary_find(&whole, word, length) >= 0);
  }
  /* Every word is some rank's: the union of the remaps is everything, on every rank alike. */
  int64_t *seen = NULL;
  CHECK_OK(NEW(&seen, merged.n));
  for (int32_t w = 0; w < mine.n; w++) seen[remap[w]] = 1;
  comm_max_all(comm, seen, merged.n);
  for (int32_t w = 0; w < merged.n; w++) CHECK_INTEGER(seen[w], 1);
  CHECK_INTEGER(comm_max_one_all(comm, merged.n), merged.n);
  memory_free(&seen);
  memory_free(&bytes);
  memory_free(&offset);
  memory_free(&own);
  memory_free(&own_offset);
  memory_free(&remap);
  dictionary_clear(&mine);
  dictionary_clear(&merged);
  dictionary_clear(&whole);
}

/* The nth allocation fails on one rank: one status everywhere, nothing leaked. */
static void test_faults(const Comm *comm, int failing) {
  Dictionary mine = {0}, merged;
  int32_t remap[4];
  char words[] = "a?b";
  words[1] = (char)('A' + comm->rank);
  CHECK_OK(dictionary_build(words, (const int64_t[]){0, 1, 2, 3}, 3, &mine, NULL));
  int64_t before = memory_balance();
  bool done = false;
  for (int64_t nth = 1; !done && nth < 1000; nth++) {
    fault_arm(FAULT_MEMORY, comm->rank == failing ? nth : 0, false);
    Status status = dictionary_merge_all(comm, &mine, &merged, remap);
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK_INTEGER(comm_max_one_all(comm, (int64_t)status), status);
    CHECK(status == OK || status == MEMORY);
    done = status == OK;
    if (done) CHECK_INTEGER(merged.n, comm->size + 2);
    dictionary_clear(&merged);
    CHECK_INTEGER(memory_balance(), before);
  }
  CHECK(done);
  dictionary_clear(&mine);
}

/* Letters of one to four bytes are shown whole or not at all. */
static void test_fit(void) {
  static const char word[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xb5z";
  static const int64_t fits[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
  for (int64_t most = 0; most < 12; most++) CHECK_INTEGER(word_fit(word, 11, most), fits[most]);
  CHECK_INTEGER(word_fit(word, 11, 100), 11);
  CHECK_INTEGER(word_fit(word, 0, 0), 0);
  CHECK_INTEGER(word_fit(word, 11, -3), 0);
}

int main(int argc, char **argv) {
  static const int64_t sizes[] = {0, 1, 2, 3, 30, 600, 5000, 80000};
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 20261120;
  if (comm.rank == 0) printf("seed %llu\n", (unsigned long long)seed);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    state = seed + i;
    test_build(sizes[i]);
    test_merge(&comm, sizes[i], seed + i);
  }
  test_fit();
  for (int rank = 0; rank < comm.size; rank++) test_faults(&comm, rank);
  Dictionary empty = {0}, merged;
  CHECK_OK(dictionary_merge_all(&comm, &empty, &merged, NULL));
  CHECK_INTEGER(merged.n, 0);
  CHECK_INTEGER(dictionary_find(&empty, "a", 1), MISSING_CODE);
  dictionary_clear(&merged);
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("dictionary");
  MPI_Finalize();
  return result;
}
