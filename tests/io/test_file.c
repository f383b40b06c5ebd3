/* Files: whole, atomic, special ones, folders, links, content hashes that no number of ranks
 * changes. */
#include "io/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "tests/check.h"

static char folder[64]; /* of this rank */

static const char *path_of(const char *name) {
  static char text[4][256];
  static int next;
  char *out = text[next++ % 4];
  snprintf(out, 256, "%s/%s", folder, name);
  return out;
}

static void check_content(const char *path, const char *want, int64_t want_n) {
  char *bytes = NULL;
  int64_t n = -1;
  CHECK_OK(file_read(path, &bytes, &n));
  CHECK_INTEGER(n, want_n);
  CHECK(bytes && n == want_n && memcmp(bytes, want, (size_t)n) == 0 && bytes[n] == 0);
  memory_free(&bytes);
}

static void test_write_and_read(void) {
  const char *path = path_of("a");
  CHECK(!file_exists(path));
  CHECK_OK(file_write(path, "one\0two", 7));
  check_content(path, "one\0two", 7);
  CHECK_OK(file_write(path, "", 0));
  check_content(path, "", 0);
  CHECK_OK(file_append(path, "x", 1));
  CHECK_OK(file_append(path, "yz", 2));
  check_content(path, "xyz", 3);
  CHECK(!file_exists(path_of("a.tmp")));
}

static void test_failures(void) {
  char *bytes = NULL;
  int64_t n = 0;
  CHECK_INTEGER(file_read(path_of("nowhere"), &bytes, &n), IO);
  CHECK_MESSAGE("nowhere: cannot open this file: No such file");
  CHECK(bytes == NULL);
  CHECK_INTEGER(file_read(folder, &bytes, &n), IO);
  CHECK_MESSAGE("is a folder");
  CHECK_INTEGER(file_write(path_of("no/such/folder"), "x", 1), IO);
  CHECK_MESSAGE("no/such/folder: cannot write"); /* not the temporary name */
  CHECK_INTEGER(file_append(path_of("no/such"), "x", 1), IO);
  /* A write that fails leaves the old file, and nothing beside it. */
  CHECK_OK(file_write(path_of("old"), "old", 3));
  fault_arm(FAULT_WRITE, 1, false);
  CHECK_INTEGER(file_write(path_of("old"), "new", 3), IO);
  fault_arm(FAULT_READ, 1, false);
  CHECK_INTEGER(file_read(path_of("old"), &bytes, &n), IO);
  CHECK(bytes == NULL);
  fault_arm(FAULT_WRITE, 0, false);
  fault_arm(FAULT_READ, 0, false);
  check_content(path_of("old"), "old", 3);
  CHECK(!file_exists(path_of("old.tmp")));
  /* Where the temporary name is too long, the file is not written in place. */
  char *longest = NULL;
  CHECK_OK(NEW(&longest, PATH_MAX));
  memset(longest, 'n', PATH_MAX - 3);
  CHECK_INTEGER(file_write(longest, "x", 1), IO);
  CHECK_MESSAGE("too long");
  CHECK_INTEGER(file_link(longest, "x"), IO);
  CHECK_INTEGER(file_make_folder(longest), IO);
  memory_free(&longest);
}

/* A device is written to and stays a device: in a container root could replace /dev/null. */
static void test_special(void) {
  struct stat info;
  CHECK_OK(file_write("/dev/null", "x", 1));
  CHECK(stat("/dev/null", &info) == 0 && S_ISCHR(info.st_mode));
  CHECK(!file_exists("/dev/null.tmp"));
  CHECK_INTEGER(file_write("/dev/full", "x", 1), IO);
  CHECK_MESSAGE("space");
  /* A pipe is read to its end. */
  char name[64];
  int ends[2];
  CHECK(pipe(ends) == 0);
  CHECK(write(ends[1], "through a pipe", 14) == 14);
  close(ends[1]);
  snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
  check_content(name, "through a pipe", 14);
  close(ends[0]);
}

static void test_folders(void) {
  CHECK_OK(file_make_folder(path_of("x/y/z/")));
  CHECK_OK(file_make_folder(path_of("x/y/z")));
  CHECK_OK(file_write(path_of("x/y/z/file"), "1", 1));
  CHECK_INTEGER(file_make_folder(path_of("x/y/z/file")), IO);
  CHECK_MESSAGE("is not a folder");
  CHECK_INTEGER(file_make_folder(path_of("x/y/z/file/more")), IO);
  CHECK_INTEGER(file_make_folder(""), IO);
  CHECK_OK(file_make_folder("/"));
  /* Removing a tree does not follow links out of it. */
  CHECK_OK(file_write(path_of("outside"), "1", 1));
  CHECK(symlink(folder, path_of("x/y/out")) == 0);
  CHECK_OK(file_link(path_of("x/link"), "y/z/file"));
  check_content(path_of("x/link"), "1", 1);
  CHECK_OK(file_link(path_of("x/link"), "nowhere")); /* replaced */
  CHECK(!file_exists(path_of("x/link")));
  file_remove_tree(path_of("x"));
  CHECK(!file_exists(path_of("x")));
  CHECK(file_exists(path_of("outside")));
  file_remove_tree(path_of("x")); /* what is not there is no failure */
  file_sync_folder_of("/");
  file_sync_folder_of("relative");
}

static Hash hash_of(const Comm *comm, const char *path) {
  Hash hash = hash_zero();
  CHECK_OK(file_hash_all(comm, path, &hash));
  return hash;
}

/* All ranks hash rank 0's file, and each its own: the same. */
static void test_hash(const Comm *world) {
  const int64_t sizes[] = {0, 1, 4 << 20, (4 << 20) + 1, 9 << 20};
  Comm self = comm_self();
  char shared[64];
  memcpy(shared, folder, sizeof shared);
  comm_broadcast_all(world, 0, shared, sizeof shared);
  Hash last = {{1, 1}};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    char *bytes = NULL, path[256];
    CHECK_OK(NEW(&bytes, sizes[s] + 1));
    for (int64_t i = 0; i < sizes[s]; i++) bytes[i] = (char)(i * i >> 7);
    CHECK_OK(file_write(path_of("data"), bytes, sizes[s]));
    comm_barrier_all(world);
    snprintf(path, sizeof path, "%s/data", shared);
    Hash ours = hash_of(world, path), mine = hash_of(&self, path_of("data"));
    CHECK(hash_compare(&ours, &mine) == 0);
    CHECK(hash_compare(&ours, &last) != 0);
    last = ours;
    comm_barrier_all(world);
    if (sizes[s] > 0) {
      bytes[sizes[s] - 1] ^= 1;
      CHECK_OK(file_write(path_of("data"), bytes, sizes[s]));
      mine = hash_of(&self, path_of("data"));
      CHECK(hash_compare(&ours, &mine) != 0);
    }
    memory_free(&bytes);
  }
  Hash none;
  CHECK_INTEGER(file_hash_all(world, "/dev/null", &none), IO); /* what can be read only once */
  CHECK_MESSAGE("pipe or device");
  /* A failure on one rank is everybody's. */
  if (world->rank == world->size - 1) fault_arm(FAULT_READ, 1, true);
  char path[256];
  snprintf(path, sizeof path, "%s/data", shared);
  Status status = file_hash_all(world, path, &none);
  fault_arm(FAULT_READ, 0, false);
  /* Three pieces: the last of more than three ranks reads none. */
  CHECK_INTEGER(status, world->size <= 3 ? IO : OK);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  snprintf(folder, sizeof folder, "/tmp/segue-test-XXXXXX");
  CHECK(mkdtemp(folder) != NULL);
  test_write_and_read();
  test_failures();
  test_special();
  test_folders();
  test_hash(&world);
  comm_barrier_all(&world);
  file_remove_tree(folder);
  CHECK(!file_exists(folder));
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("file");
  MPI_Finalize();
  return result;
}
