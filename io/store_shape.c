/* The objects of an artifact's file: groups, data sets, attributes, texts, links.
 *
 * The layout is described in store_write.c. No object keeps times, so that equal content gives
 * equal files; links stand in their group's header (compact) up to 1,024 of them. */
#define _GNU_SOURCE
#include "store_internal.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static bool make_groups(hid_t file, const char *path) {
  char group[STORE_NAME_BYTES];
  bool good = true;
  hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
  H5Pset_obj_track_times(creation, false);
  H5Pset_link_phase_change(creation, 1024, 512);
  for (const char *slash = strchr(path, '/'); good && slash; slash = strchr(slash + 1, '/')) {
    snprintf(group, sizeof group, "%.*s", (int)(slash - path), path);
    if (H5Lexists(file, group, H5P_DEFAULT) > 0) continue;
    hid_t id = H5Gcreate2(file, group, H5P_DEFAULT, creation, H5P_DEFAULT);
    good = id >= 0 && H5Gclose(id) >= 0;
  }
  H5Pclose(creation);
  return good;
}

/* A data set of our ways; < 0 on failure. */
static hid_t make_dataset(hid_t file, const char *path, hid_t type, hid_t space, hid_t list) {
  H5Pset_obj_track_times(list, false);
  H5Pset_fill_time(list, H5D_FILL_TIME_NEVER);
  if (!make_groups(file, path)) return -1;
  return H5Dcreate2(file, path, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
}

static bool put_attribute(hid_t object, const char *name, hid_t type, hid_t memory_type,
                          const void *value) {
  hid_t space = H5Screate(H5S_SCALAR);
  hid_t id = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  bool good = id >= 0 && H5Awrite(id, memory_type, value) >= 0;
  if (id >= 0) H5Aclose(id);
  H5Sclose(space);
  return good;
}

bool shape_number(hid_t file, const char *name, int64_t value) {
  return put_attribute(file, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

static hid_t text_type(size_t n) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, n);
  H5Tset_cset(type, H5T_CSET_UTF8);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  return type;
}

static bool put_spread(hid_t dataset, const char *word) {
  hid_t type = text_type(strlen(word));
  bool good = put_attribute(dataset, "spread", type, type, word);
  H5Tclose(type);
  return good;
}

/* One string; a long one is a chunk of its own, so that it gets a checksum. */
bool shape_text(hid_t file, const StoreText *item) {
  char path[STORE_NAME_BYTES];
  hsize_t one = 1;
  size_t n = strlen(item->text);
  if (snprintf(path, sizeof path, STORE_TEXTS "/%s", item->name) >= (int)sizeof path) return false;
  hid_t type = text_type(n > 0 ? n : 1), space = H5Screate_simple(1, &one, NULL);
  hid_t list = H5Pcreate(H5P_DATASET_CREATE);
  if (n <= STORE_COMPACT_BYTES) {
    H5Pset_layout(list, H5D_COMPACT);
  } else {
    H5Pset_chunk(list, 1, &one);
    codec_filters(list, FIELD_BYTE);
  }
  hid_t id = make_dataset(file, path, type, space, list);
  bool good = id >= 0 && H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, item->text) >= 0;
  if (id >= 0 && H5Dclose(id) < 0) good = false;
  H5Pclose(list);
  H5Sclose(space);
  H5Tclose(type);
  return good;
}

hid_t shape_dataset(hid_t file, const Field *field, const int64_t *shape, int64_t chunk) {
  hsize_t extents[FIELD_DIMENSIONS], chunks[FIELD_DIMENSIONS];
  for (int i = 0; i < field->dimensions; i++) extents[i] = chunks[i] = (hsize_t)shape[i];
  hid_t space = field->dimensions > 0 ? H5Screate_simple(field->dimensions, extents, NULL)
                                      : H5Screate(H5S_SCALAR);
  hid_t list = H5Pcreate(H5P_DATASET_CREATE);
  if (chunk > 0) {
    chunks[0] = (hsize_t)chunk;
    H5Pset_chunk(list, field->dimensions, chunks);
    codec_filters(list, field->type);
  } else if (H5Sget_simple_extent_npoints(space) > 0) {
    H5Pset_layout(list, H5D_COMPACT);
  }
  hid_t id = make_dataset(file, field->name, store_type(field->type), space, list);
  H5Pclose(list);
  H5Sclose(space);
  if (id < 0 || !field->distributed) return id;
  if (put_spread(id, field->ragged ? "ragged" : "rows")) return id;
  H5Dclose(id);
  return -1;
}

bool shape_small(hid_t file, const Field *field, const int64_t *shape) {
  hid_t id = shape_dataset(file, field, shape, 0);
  if (id < 0) return false;
  bool good =
      field->distributed || field_count(field) == 0 ||
      H5Dwrite(id, store_type(field->type), H5S_ALL, H5S_ALL, H5P_DEFAULT, field->data) >= 0;
  return H5Dclose(id) >= 0 && good;
}

bool shape_link(hid_t file, const Field *field) {
  char target[PATH_MAX];
  const char *colon = strchr(field->origin, ':');
  snprintf(target, sizeof target, "%.*s", (int)(colon - field->origin), field->origin);
  return make_groups(file, field->name) &&
         H5Lcreate_external(target, colon + 1, file, field->name, H5P_DEFAULT, H5P_DEFAULT) >= 0;
}
