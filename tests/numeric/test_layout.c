/* Rows, matrices and hashes: shares cover all rows once, views stay aligned, published hashes. */
#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"
#include "kernels/numeric/matrix.h"
#include "tests/check.h"

static void check_shares(int64_t n, int64_t block, int size) {
  int64_t next = 0, wrong = 0, least = INT64_MAX, most = 0;
  for (int rank = 0; rank < size; rank++) {
    Rows rows = rows_of(n, block, rank, size);
    wrong += rows.begin != next || rows.n < 0 || rows.n_global != n || rows.block != block;
    wrong += rows.n > 0 && rows.begin % block != 0;
    wrong += rows.begin + rows.n != n && rows.n % block != 0;
    for (int64_t i = rows.begin; i < rows.begin + rows.n; i++)
      wrong += rows_owner(i, n, block, size) != rank;
    int64_t blocks = rows_blocks(&rows), sum = 0;
    for (int64_t b = 0; b < blocks; b++) sum += rows_in_block(&rows, b);
    wrong += sum != rows.n;
    least = blocks < least ? blocks : least;
    most = blocks > most ? blocks : most;
    next = rows.begin + rows.n;
  }
  CHECK_INTEGER(wrong, 0);
  CHECK_INTEGER(next, n);
  CHECK(most - least <= 1);
}

static void test_rows(void) {
  for (int64_t n = 0; n < 70; n++)
    for (int size = 1; size <= 9; size++) check_shares(n, 4, size);
  check_shares(114000, 1024, 7);
  check_shares(100, 1024, 7);
  Rows rows = rows_of(10, 4, 1, 2);
  CHECK_INTEGER(rows.begin, 4);
  CHECK_INTEGER(rows.n, 6);
}

static void test_matrix(void) {
  Matrix matrix;
  Rows rows = rows_of(50, 16, 1, 2);
  CHECK_OK(matrix_init(&matrix, &rows, 3));
  CHECK_INTEGER(rows.n, 18);
  CHECK(matrix.stride >= 32 && matrix.stride % 8 == 0);
  for (int64_t j = 0; j < 3; j++) {
    CHECK((uintptr_t)matrix_column(&matrix, j) % 64 == 0);
    CHECK_OK(memory_text(&matrix.names[j], "column"));
    for (int64_t i = 0; i < rows.n; i++) matrix_column(&matrix, j)[i] = (double)(100 * j + i);
    for (int64_t i = rows.n; i < matrix.stride; i++) CHECK_REAL(matrix_column(&matrix, j)[i], 0, 0);
  }
  Matrix view = matrix_view_block(&matrix, 1);
  CHECK_INTEGER(view.rows.n, 2);
  CHECK_INTEGER(view.rows.begin, 48);
  CHECK_REAL(matrix_column(&view, 2)[1], 217, 0);
  CHECK(view.names == NULL);
  matrix_clear(&matrix);
  matrix_clear(&matrix);
  rows = rows_of(0, 1024, 0, 1);
  CHECK_OK(matrix_init(&matrix, &rows, 0));
  matrix_clear(&matrix);
  CHECK_INTEGER(matrix_init(&matrix, &rows, INT64_MAX / 4), MEMORY);
  matrix_clear(&matrix);
}

static void check_hash(const char *text, const char *expected) {
  char hexadecimal[33];
  Hash hash = hash_bytes(text, strlen(text), hash_zero());
  hash_text(&hash, hexadecimal);
  CHECK_TEXT(hexadecimal, expected);
}

static void test_hash(void) {
  check_hash("", "00000000000000000000000000000000");
  check_hash("hello", "cbd8a7b341bd9b025b1e906a48ae1d19");
  check_hash("The quick brown fox jumps over the lazy dog", "e34bbc7bbc071b6c7a433ca9c49a9347");
  char bytes[64] = {0};
  for (size_t n = 0; n < 63; n++) {
    Hash a = hash_bytes(bytes, n, hash_zero()), b = hash_bytes(bytes, n + 1, hash_zero());
    CHECK(hash_compare(&a, &b) != 0);
    CHECK_INTEGER(hash_compare(&a, &a), 0);
    CHECK(hash_compare(&a, &b) == -hash_compare(&b, &a));
    Hash seeded = hash_bytes(bytes, n, (Hash){{0, 1}});
    CHECK(hash_compare(&a, &seeded) != 0);
  }
  CHECK(hash_mix(1) != hash_mix(2));
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  test_rows();
  test_matrix();
  test_hash();
  CHECK_INTEGER(memory_balance(), 0);
  MPI_Finalize();
  return check_report("numeric_layout");
}
