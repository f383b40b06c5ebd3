/* Divisions that would leak are refused by the stages, before anything is fitted or read. */
#include "run_case.h"

static const char ROWS[] =
    "id,twin,genre,x,y\n"
    "0,1,a,1,1\n1,1,b,2,2\n2,1,a,3,3\n3,1,b,4,4\n4,2,a,5,5\n5,2,b,6,6\n"
    "6,2,a,7,7\n7,2,b,8,8\n8,3,a,9,9\n9,3,b,8,8\n10,3,a,7,7\n11,3,b,6,6\n"
    "12,4,a,1,1\n13,4,b,2,2\n14,4,a,3,3\n15,4,b,4,4\n";

/* Run these stages behind the rows; the status and message are the caller's to check. */
static Status run(const char *stages) {
  static char json[4096];
  snprintf(json, sizeof json,
           "{\"name\": \"t\", \"seed\": 3, \"block\": 4, \"stages\": {\n"
           "\"rows\": {\"kind\": \"read_csv\", \"path\": \"%s\", \"columns\": {\"id\": \"text\",\n"
           "  \"twin\": \"integer\", \"genre\": \"category\", \"x\": \"real\", \"y\": \"real\"}},\n"
           "%s}}",
           case_path("rows.csv"), stages);
  return case_run(json, NULL);
}

#define TRAIN                                                                                     \
  "\"fit\": {\"kind\": \"train\", \"input\": \"split\", \"group\": \"twin\", \"target\": \"y\", " \
  "\"features\": [\"x\"], \"model\": {\"kind\": \"constant\"}"
#define GROUPED \
  "\"split\": {\"kind\": \"split\", \"input\": \"rows\", \"group\": \"twin\", \"test\": 0.5}, "

static void test_twins(void) {
  CHECK_INTEGER(run("\"split\": {\"kind\": \"split\", \"input\": \"rows\"}, " TRAIN "}"), INVALID);
  CHECK_MESSAGE("training rows are of a recording (column \"twin\") that is measured on too");
  CHECK_MESSAGE("\"group\": \"twin\"");
  CHECK_OK(run(GROUPED TRAIN "}"));
  CHECK_INTEGER(
      run(GROUPED "\"folds\": {\"kind\": \"folds\", \"input\": \"split\", \"folds\": 2}, " TRAIN
                  ", \"folds\": \"folds\"}"),
      INVALID);
  CHECK_MESSAGE("folds: ");
  CHECK_MESSAGE("is measured on too");
  CHECK_OK(run(GROUPED
               "\"folds\": {\"kind\": \"folds\", \"input\": \"split\", \"group\": \"twin\", "
               "\"folds\": 2}, " TRAIN ", \"folds\": \"folds\"}"));
}

static void test_test_rows(void) {
  CHECK_INTEGER(run(GROUPED "\"folds\": {\"kind\": \"folds\", \"input\": \"rows\", \"group\": "
                            "\"twin\", \"folds\": 2}, " TRAIN ", \"folds\": \"folds\"}"),
                INVALID);
  CHECK_MESSAGE("folds: 8 rows of the test part are in folds");
  CHECK_INTEGER(run(GROUPED "\"folds\": {\"kind\": \"folds\", \"input\": \"split\", \"split\": "
                            "\"splitt\", \"folds\": 2}"),
                INVALID);
  CHECK_MESSAGE("split: column \"splitt\" is not in the table; did you mean \"split\"?");
  CHECK_INTEGER(run("\"folds\": {\"kind\": \"folds\", \"input\": \"rows\", \"split\": \"twin\"}"),
                INVALID);
  CHECK_MESSAGE("split: column \"twin\" is an integer");
}

/* Words join words and numbers numbers, whatever they were read as. */
static void test_join_types(void) {
  case_write("other.csv", "genre,twin,z\na,1,5\nb,2,6\n");
  static char other[1024];
  const char *format =
      "\"other\": {\"kind\": \"read_csv\", \"path\": \"%s\", \"columns\": "
      "{\"genre\": \"text\", \"twin\": \"%s\", \"z\": \"real\"}}, "
      "\"both\": {\"kind\": \"join\", \"left\": \"rows\", \"right\": \"other\", "
      "\"on\": [\"genre\", \"twin\"]}";
  snprintf(other, sizeof other, format, case_path("other.csv"), "real");
  CHECK_OK(run(other));
  snprintf(other, sizeof other, format, case_path("other.csv"), "text");
  CHECK_INTEGER(run(other), INVALID);
  CHECK_MESSAGE("on: column \"twin\" is an integer on the left and a text on the right");
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  case_begin();
  case_write("rows.csv", ROWS);
  test_twins();
  test_test_rows();
  test_join_types();
  case_end();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("divisions");
  MPI_Finalize();
  return failed;
}
