/* Fields: out, packed, unpacked and in again; paths; what is missing, cut off or damaged. */
#include "kernels/base/fields.h"

#include <stdlib.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "tests/check.h"

typedef struct Thing {
  int64_t n, count;
  double real;
  bool flag;
  char *text, *nothing, *empty;
  int64_t n_names;
  char **names;
  double *values; /* n */
  float *floats;  /* n x 2 */
  uint16_t *bins; /* 0 */
  int32_t *codes; /* optional */
} Thing;

static Status thing_fields(Thing *thing, Fields *fields) {
  Status status = OK;
  fields_enter(fields, "things/first");
  TRY(fields_integer(fields, "n", &thing->n));
  TRY(fields_real(fields, "real", &thing->real));
  TRY(fields_flag(fields, "flag", &thing->flag));
  fields_enter(fields, "inner");
  TRY(fields_text(fields, "text", &thing->text));
  TRY(fields_text(fields, "nothing", &thing->nothing));
  TRY(fields_text(fields, "empty", &thing->empty));
  TRY(fields_texts(fields, "names", &thing->n_names, &thing->names));
  fields_leave(fields);
  int64_t shape[2] = {thing->n, 2}, none = 0;
  TRY(fields_array(fields, "values", FIELD_REAL, &thing->values, 1, shape));
  TRY(fields_array(fields, "floats", FIELD_FLOAT, &thing->floats, 2, shape));
  TRY(fields_array(fields, "bins", FIELD_SHORT, &thing->bins, 1, &none));
  if (fields_has(fields, "codes", thing->codes != NULL))
    TRY(fields_array(fields, "codes", FIELD_CODE, &thing->codes, 1, shape));
  fields_leave(fields);
  CHECK_TEXT(fields->prefix, "");
done:
  return status;
}

static void thing_clear(Thing *thing) {
  for (int64_t i = 0; thing->names && i < thing->n_names; i++) memory_free(&thing->names[i]);
  memory_free(&thing->names);
  memory_free(&thing->text);
  memory_free(&thing->nothing);
  memory_free(&thing->empty);
  memory_free(&thing->values);
  memory_free(&thing->floats);
  memory_free(&thing->bins);
  memory_free(&thing->codes);
}

static double values[3] = {1.5, NAN, -3};
static float floats[6] = {1, 2, 3, 4, 5, 6};
static char *names[3] = {"acoustic", NULL, ""};

static Thing example(void) {
  return (Thing){.n = 3,
                 .real = 2.5,
                 .flag = true,
                 .text = "caf\xc3\xa9",
                 .empty = "",
                 .n_names = 3,
                 .names = names,
                 .values = values,
                 .floats = floats};
}

static void check_thing(const Thing *thing) {
  CHECK_INTEGER(thing->n, 3);
  CHECK_REAL(thing->real, 2.5, 0);
  CHECK(thing->flag);
  CHECK_TEXT(thing->text, "caf\xc3\xa9");
  CHECK(thing->nothing == NULL);
  CHECK_TEXT(thing->empty, "");
  CHECK_INTEGER(thing->n_names, 3);
  CHECK_TEXT(thing->names[0], "acoustic");
  CHECK(thing->names[1] == NULL);
  CHECK_TEXT(thing->names[2], "");
  for (int i = 0; i < 3; i++) CHECK_REAL(thing->values[i], values[i], 0);
  for (int i = 0; i < 6; i++) CHECK_REAL((double)thing->floats[i], floats[i], 0);
  CHECK(thing->bins != NULL && thing->codes == NULL);
}

static Status round_trip(Thing *back, bool packed) {
  Status status = OK;
  Thing thing = example();
  Fields out, in;
  uint8_t *bytes = NULL;
  int64_t n = 0;
  fields_init(&out, FIELDS_OUT);
  fields_init(&in, FIELDS_IN);
  TRY(thing_fields(&thing, &out));
  if (packed) TRY(fields_pack(&out, &bytes, &n));
  if (packed)
    TRY(fields_unpack(bytes, n, &in));
  else
    TRY(fields_copy(&out, &in));
  TRY(thing_fields(back, &in));
done:
  memory_free(&bytes);
  fields_clear(&out);
  fields_clear(&in);
  return status;
}

static void test_round_trips(void) {
  for (int packed = 0; packed < 2; packed++) {
    Thing back = {0};
    CHECK_OK(round_trip(&back, packed));
    check_thing(&back);
    thing_clear(&back);
    CHECK_INTEGER(memory_balance(), 0);
    int64_t nth = 1;
    for (Status status = MEMORY; status != OK; nth++) {
      fault_arm(FAULT_MEMORY, nth, false);
      status = round_trip(&back, packed);
      fault_arm(FAULT_MEMORY, 0, false);
      CHECK(status == OK || status == MEMORY);
      thing_clear(&back);
      CHECK_INTEGER(memory_balance(), 0);
    }
    CHECK(nth > 30);
  }
}

static void test_paths(void) {
  Fields out;
  int64_t five = 5;
  fields_init(&out, FIELDS_OUT);
  fields_enter(&out, "model");
  fields_enter(&out, "a/b");
  CHECK_OK(fields_integer(&out, "n", &five));
  fields_leave(&out);
  CHECK_TEXT(out.prefix, "model/");
  char *deep = calloc(600, 1);
  memset(deep, 'x', 520);
  fields_enter(&out, deep);
  fields_enter(&out, "y");
  CHECK_INTEGER(fields_integer(&out, "n", &five), INVALID);
  CHECK_MESSAGE("too long");
  fields_leave(&out);
  fields_leave(&out);
  CHECK_TEXT(out.prefix, "model/");
  for (int i = 0; i < 70; i++) fields_enter(&out, "z");
  CHECK_INTEGER(fields_integer(&out, "n", &five), INVALID);
  for (int i = 0; i < 70; i++) fields_leave(&out);
  CHECK_OK(fields_integer(&out, "m", &five));
  CHECK(fields_find(&out, "model/a/b/n") != NULL && fields_find(&out, "model/m") != NULL);
  CHECK(fields_find(&out, "m") == NULL);
  CHECK_INTEGER(out.n, 2);
  fields_clear(&out);
  free(deep);
}

static void test_wrong(void) {
  Fields out, in;
  fields_init(&out, FIELDS_OUT);
  double *array = values, *got = NULL;
  int64_t shape = 3, n = 0;
  CHECK_OK(fields_array(&out, "values", FIELD_REAL, &array, 1, &shape));
  CHECK_OK(fields_rows(&out, "rows", FIELD_REAL, &array, 1, &shape));
  CHECK_OK(fields_copy(&out, &in));
  CHECK_INTEGER(fields_integer(&in, "absent", &n), FORMAT);
  CHECK_MESSAGE("\"absent\" is missing");
  CHECK_INTEGER(fields_array(&in, "values", FIELD_FLOAT, &got, 1, &shape), FORMAT);
  CHECK_INTEGER(fields_array(&in, "rows", FIELD_REAL, &got, 1, &shape), FORMAT);
  shape = 4;
  CHECK_INTEGER(fields_array(&in, "values", FIELD_REAL, &got, 1, &shape), FORMAT);
  CHECK_MESSAGE("\"values\" has an unexpected type or shape");
  shape = -1;
  CHECK_OK(fields_array(&in, "values", FIELD_REAL, &got, 1, &shape));
  CHECK_INTEGER(shape, 3);
  memory_free(&got);
  CHECK_INTEGER(fields_array(&in, "values", FIELD_REAL, &got, 1, &shape), FORMAT);
  CHECK_OK(fields_rows(&in, "rows", FIELD_REAL, &got, 1, &shape));
  memory_free(&got);
  fields_clear(&out);
  fields_clear(&in);
}

/* A pack cut anywhere, or with any one byte changed, is refused or read without harm. */
static void test_damage(void) {
  Thing thing = example();
  Fields out, in;
  uint8_t *bytes = NULL;
  int64_t n = 0;
  fields_init(&out, FIELDS_OUT);
  CHECK_OK(thing_fields(&thing, &out));
  CHECK_OK(fields_pack(&out, &bytes, &n));
  fields_clear(&out);
  for (int64_t cut = 0; cut < n; cut++) {
    CHECK_INTEGER(fields_unpack(bytes, cut, &in), FORMAT);
    fields_clear(&in);
  }
  for (int64_t i = 0; i < n; i++) {
    bytes[i] ^= 0x81;
    Status status = fields_unpack(bytes, n, &in);
    CHECK(status == OK || status == FORMAT);
    fields_clear(&in);
    bytes[i] ^= 0x81;
  }
  memory_free(&bytes);
}

int main(void) {
  test_round_trips();
  test_paths();
  test_wrong();
  test_damage();
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("base_fields");
}
