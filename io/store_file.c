/* The store's way to the file system: a driver for HDF5 and a few calls beside it.
 *
 * Why a driver of our own: a failed write deep inside HDF5 (a full disk, an injected fault) makes
 * its caches refuse to close the file for the rest of the process, and its message does not tell
 * the system's reason. This driver remembers the first errno, writes nothing more, and reports
 * success, so that the file always closes and the caller, who asks store_file_error, has one clean
 * way out. It also lets rank 0 shape a file without touching its bulk: while `passing` is on, the
 * bytes of a chunk are neither written nor read, only its address is noted, and every rank puts or
 * gets its own chunks there with pwrite and pread.
 * It takes no locks: the rename keeps artifacts whole, on NFS and Lustre too.
 *
 * Rejected: the MPI-IO driver. Its calls are collective, and one that fails on one rank (a full
 * disk, a damaged chunk) leaves the others waiting in it for ever; filtered writes were slower, too
 * (zlib, and a few collective calls for each of some hundred small data sets).
 *
 * The state belongs to the process, as HDF5's own does: one thread a rank, one file being written
 * at a time. */
#define _GNU_SOURCE
#include "store_internal.h"

#if H5_VERSION_GE(1, 13, 2)
#include <H5FDdevelop.h>
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/base/fault.h"

/* The largest file offset that HDF5 may use: that of a signed 64-bit off_t. */
#define LARGEST_ADDRESS ((haddr_t)INT64_MAX)

typedef struct DriverFile {
  H5FD_t head; /* HDF5's own part, first */
  int fd;
  bool writable;
  haddr_t eoa, eof;
  dev_t device;
  ino_t inode;
} DriverFile;

static int first_error;
static bool creating, passing, passed;
static haddr_t passed_address;
static size_t passed_bytes;

/* ---- files ---- */

static bool injected(FaultKind kind) {
  if (!fault_hit(kind)) return false;
  errno = EIO;
  return true;
}

bool store_file_put(int fd, const void *bytes, int64_t n, int64_t address) {
  if (injected(FAULT_WRITE)) return false;
  for (int64_t at = 0; at < n;) {
    ssize_t put = pwrite(fd, (const char *)bytes + at, (size_t)(n - at), address + at);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    at += put;
  }
  return true;
}

bool store_file_get(int fd, void *bytes, int64_t n, int64_t address) {
  if (injected(FAULT_READ)) return false;
  for (int64_t at = 0; at < n;) {
    ssize_t got = pread(fd, (char *)bytes + at, (size_t)(n - at), address + at);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = 0;
    if (got <= 0) return false;
    at += got;
  }
  return true;
}

/* Some file systems cannot sync a file (EINVAL, ENOTSUP): there is nothing to wait for then. */
bool store_file_sync(int fd) {
  if (injected(FAULT_WRITE)) return false;
  return fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP;
}

bool store_file_close(int fd) {
  bool fault = injected(FAULT_WRITE);
  return close(fd) == 0 && !fault;
}

static void note_error(void) {
  if (first_error == 0) first_error = errno;
}

/* ---- the driver ---- */

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t access, haddr_t largest) {
  (void)access;
  (void)largest;
  bool writable = flags & H5F_ACC_RDWR;
  struct stat info;
  /* HDF5 first tries to open what it is told to create. */
  if (creating && !(flags & H5F_ACC_CREAT)) return NULL;
  DriverFile *file = calloc(1, sizeof *file); /* HDF5's object: not in our balance */
  if (!file) return NULL;
  int how = O_CLOEXEC | (writable ? O_RDWR : O_RDONLY) | (flags & H5F_ACC_CREAT ? O_CREAT : 0) |
            (flags & H5F_ACC_TRUNC ? O_TRUNC : 0);
  file->fd = injected(writable ? FAULT_WRITE : FAULT_READ) ? -1 : open(name, how, 0666);
  if (file->fd < 0 || fstat(file->fd, &info) != 0) {
    note_error();
    if (file->fd >= 0) close(file->fd);
    free(file);
    return NULL;
  }
  file->writable = writable;
  file->eof = (haddr_t)info.st_size;
  file->device = info.st_dev;
  file->inode = info.st_ino;
  return &file->head;
}

/* The bulk may stand beyond what passed through here: the file is made as long as it has to be. */
static herr_t driver_close(H5FD_t *head) {
  DriverFile *file = (DriverFile *)head;
  if (file->writable && first_error == 0 && !store_file_sync(file->fd)) note_error();
  bool closed = file->writable ? store_file_close(file->fd) : close(file->fd) == 0;
  if (!closed) note_error();
  free(file);
  return 0;
}

static int driver_compare(const H5FD_t *a, const H5FD_t *b) {
  const DriverFile *x = (const DriverFile *)a, *y = (const DriverFile *)b;
  if (x->device != y->device) return x->device < y->device ? -1 : 1;
  return (x->inode > y->inode) - (x->inode < y->inode);
}

static herr_t driver_query(const H5FD_t *file, unsigned long *flags) {
  (void)file;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA |
           H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return ((const DriverFile *)file)->eoa;
}

static herr_t driver_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t address) {
  (void)type;
  ((DriverFile *)file)->eoa = address;
  return 0;
}

static haddr_t driver_get_eof(const H5FD_t *file, H5FD_mem_t type) {
  (void)type;
  return ((const DriverFile *)file)->eof;
}

/* In a file that is being made, what was never written is zero; in a finished one, reading beyond
 * the end is damage. */
static herr_t driver_read(H5FD_t *head, H5FD_mem_t type, hid_t transfer, haddr_t address,
                          size_t bytes, void *buffer) {
  (void)transfer;
  DriverFile *file = (DriverFile *)head;
  if (address > file->eof || bytes > file->eof - address) return -1;
  if (passing && type == H5FD_MEM_DRAW) {
    passed = true;
    passed_address = address;
    passed_bytes = bytes;
    return 0;
  }
  if (store_file_get(file->fd, buffer, (int64_t)bytes, (int64_t)address)) return 0;
  if (errno != 0) note_error();
  return -1;
}

static herr_t driver_write(H5FD_t *head, H5FD_mem_t type, hid_t transfer, haddr_t address,
                           size_t bytes, const void *buffer) {
  (void)transfer;
  DriverFile *file = (DriverFile *)head;
  if (address + bytes > file->eof) file->eof = address + bytes;
  if (passing && type == H5FD_MEM_DRAW) {
    passed = true;
    passed_address = address;
    return 0;
  }
  if (first_error == 0 && !store_file_put(file->fd, buffer, (int64_t)bytes, (int64_t)address))
    note_error();
  return 0;
}

static herr_t driver_truncate(H5FD_t *head, hid_t transfer, hbool_t closing) {
  (void)transfer;
  (void)closing;
  DriverFile *file = (DriverFile *)head;
  if (!file->writable || file->eoa == file->eof) return 0;
  if (first_error == 0 && (injected(FAULT_WRITE) || ftruncate(file->fd, (off_t)file->eoa) != 0))
    note_error();
  file->eof = file->eoa;
  return 0;
}

static const H5FD_class_t driver = {
#ifdef H5FD_CLASS_VERSION
    .version = H5FD_CLASS_VERSION,
    .value = 617, /* in the range for drivers that are not registered with The HDF Group */
#endif
    .name = "segue",
    .maxaddr = LARGEST_ADDRESS,
    .fc_degree = H5F_CLOSE_STRONG,
    .open = driver_open,
    .close = driver_close,
    .cmp = driver_compare,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

/* ---- HDF5 files ---- */

void store_file_begin(void) {
  first_error = 0;
  passing = false;
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

int store_file_error(void) { return first_error; }

void store_file_abandon(void) {
  if (first_error == 0) first_error = ECANCELED;
}

/* Version 1.10's format: checksums on all metadata, readable by every later version and h5py. */
static hid_t access_list(void) {
  /* Registered once: closing a file, HDF5 looks at the driver after giving up its hold on it. */
  static hid_t id = -1;
  if (id < 0 || H5Iis_valid(id) <= 0) id = H5FDregister(&driver);
  hid_t list = H5Pcreate(H5P_FILE_ACCESS);
  bool good = id >= 0 && list >= 0 && H5Pset_driver(list, id, NULL) >= 0 &&
              H5Pset_libver_bounds(list, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 &&
              H5Pset_meta_block_size(list, 8192) >= 0 &&
              H5Pset_fclose_degree(list, H5F_CLOSE_STRONG) >= 0;
  if (good) return list;
  if (list >= 0) H5Pclose(list);
  return -1;
}

hid_t store_type(FieldType type) {
  switch (type) {
    case FIELD_REAL: return H5T_IEEE_F64LE;
    case FIELD_FLOAT: return H5T_IEEE_F32LE;
    case FIELD_INTEGER: return H5T_STD_I64LE;
    case FIELD_CODE: return H5T_STD_I32LE;
    case FIELD_SHORT: return H5T_STD_U16LE;
    default: return H5T_STD_U8LE;
  }
}

hid_t store_file_open(const char *path) {
  hid_t access = access_list();
  if (access < 0) return -1;
  hid_t file = H5Fopen(path, H5F_ACC_RDONLY, access);
  H5Pclose(access);
  return file;
}

hid_t store_file_create(const char *path) {
  hid_t access = access_list(), creation = H5Pcreate(H5P_FILE_CREATE), file = -1;
  if (access >= 0 && creation >= 0 && H5Pset_obj_track_times(creation, false) >= 0 &&
      H5Pset_link_phase_change(creation, 1024, 512) >= 0) {
    creating = true;
    file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
    creating = false;
  }
  if (access >= 0) H5Pclose(access);
  if (creation >= 0) H5Pclose(creation);
  return file;
}

int64_t store_file_reserve(hid_t dataset, const hsize_t *offset, uint32_t mask, int64_t bytes) {
  static const char nothing = 0; /* never looked at: the bytes pass by */
  passing = true;
  passed = false;
  herr_t result = H5Dwrite_chunk(dataset, H5P_DEFAULT, mask, offset, (size_t)bytes, &nothing);
  passing = false;
  return result >= 0 && passed ? (int64_t)passed_address : -1;
}

bool store_file_locate(hid_t dataset, const hsize_t *offset, int64_t *address, int64_t *bytes,
                       uint32_t *mask) {
  char nothing = 0;
  passing = true;
  passed = false;
  herr_t result = H5Dread_chunk(dataset, H5P_DEFAULT, offset, mask, &nothing);
  passing = false;
  *address = (int64_t)passed_address;
  *bytes = (int64_t)passed_bytes;
  return result >= 0 && passed;
}
