/* Finished units: replicated fields in one small file of bytes.
 *
 * A head (magic, version, length, hash) and the packed fields. Not HDF5: a unit is written and
 * read once, by one rank each, in the middle of work; the hash tells a unit that was cut off or
 * changed from a whole one, whatever the file system did. */
#include "store_internal.h"

#include <inttypes.h>
#include <string.h>

#include "file.h"
#include "kernels/base/memory.h"

typedef struct UnitHead {
  char magic[8];
  uint64_t version;
  int64_t bytes; /* behind the head */
  Hash hash;     /* of those */
} UnitHead;

static const char magic[8] = "SEGUE-U";

Status store_write_unit(const char *path, const Fields *fields) {
  Status status = OK;
  uint8_t *packed = NULL;
  char *whole = NULL;
  UnitHead head = {.version = STORE_VERSION};
  TRY(fields_pack(fields, &packed, &head.bytes));
  TRY(NEW(&whole, (int64_t)sizeof head + head.bytes));
  memcpy(head.magic, magic, sizeof magic);
  head.hash = hash_bytes(packed, (size_t)head.bytes, hash_zero());
  memcpy(whole, &head, sizeof head);
  memcpy(whole + sizeof head, packed, (size_t)head.bytes);
  TRY(file_write(path, whole, (int64_t)sizeof head + head.bytes));
done:
  memory_free(&packed);
  memory_free(&whole);
  return status;
}

static Status check_unit(const char *path, const char *bytes, int64_t n) {
  UnitHead head;
  if (n < (int64_t)sizeof head || memcmp(bytes, magic, sizeof magic) != 0)
    return status_fail(FORMAT, "%s: is no finished unit of Segue; delete it", path);
  memcpy(&head, bytes, sizeof head);
  if (head.version != STORE_VERSION)
    return status_fail(FORMAT,
                       "%s: is a unit of version %" PRIu64
                       "; this program reads version "
                       "%d; delete it",
                       path, head.version, STORE_VERSION);
  if (head.bytes != n - (int64_t)sizeof head)
    return status_fail(FORMAT, "%s: is cut off: %lld of %lld bytes; delete it", path,
                       (long long)(n - (int64_t)sizeof head), (long long)head.bytes);
  Hash hash = hash_bytes(bytes + sizeof head, (size_t)head.bytes, hash_zero());
  if (hash_compare(&hash, &head.hash) != 0)
    return status_fail(FORMAT, "%s: is damaged; delete it", path);
  return OK;
}

Status store_read_unit(const char *path, Fields *out) {
  Status status = OK;
  char *bytes = NULL;
  int64_t n = 0;
  fields_init(out, FIELDS_IN);
  TRY(file_read(path, &bytes, &n));
  TRY(check_unit(path, bytes, n));
  status =
      fields_unpack((const uint8_t *)bytes + sizeof(UnitHead), n - (int64_t)sizeof(UnitHead), out);
  status = status_prefix(status, "%s: ", path);
done:
  memory_free(&bytes);
  return status;
}
