/* Options: what a kind (a stage, a model, a recipe step) can be told, declared once.
 *
 * A kind lists its options as rows beside the struct that they fill. From the same rows come the
 * parser, the defaults, the range checks, the help, the JSON Schema and the cache key. A row whose
 * type is not the field's does not compile. Parsing JSON is the pipeline's work; here are only the
 * descriptions, so that kernels can own their options without knowing about files. */
#ifndef SEGUE_BASE_OPTIONS_H
#define SEGUE_BASE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "status.h"

/* Lists as the parser fills them. Owned by the options struct; options_clear frees them. */
typedef struct TextList {
  int64_t n;
  char **items;
} TextList;

typedef struct RealList {
  int64_t n;
  double *items;
} RealList;

typedef struct TextLists {
  int64_t n;
  TextList *items;
} TextLists;

typedef struct Kind Kind;
typedef struct Option Option;

/* One of several kinds with that kind's own options, as {"kind": "forest", "trees": 300}. */
typedef struct Variant {
  const Kind *kind;
  void *options; /* kind->options_size bytes; NULL when the kind has none */
} Variant;

typedef struct VariantList {
  int64_t n;
  Variant *items;
} VariantList;

/* What a real, integer, boolean or word row may be where a search chooses it. Numbers are what
 * option_set takes. */
typedef struct SpaceRange {
  const Option *row;
  double low, high; /* a range, ends included; where values is NULL */
  bool log;         /* tried evenly by its logarithm */
  int64_t n;
  double *values; /* choices, at least two */
} SpaceRange;

/* A kind with its options, some of which are left open: {"kind": "gbdt", "trees": 300,
 * "learning_rate": {"low": 0.01, "high": 0.3, "log": true}, "bins": {"choices": [63, 255]}}. */
typedef struct SpaceVariant {
  Variant base; /* what is open has its low end or first choice here */
  int64_t n;
  SpaceRange *ranges; /* in the order of the kind's rows */
} SpaceVariant;

typedef struct SpaceList {
  int64_t n;
  SpaceVariant *items;
} SpaceList;

/* A JSON object whose names are the user's: name -> struct with its own rows.
 * A value that is no object sets the first row alone: "popularity": "real". */
typedef struct Map {
  int64_t n;
  char **names;
  void *items; /* n structs of the row's item_size bytes */
  int word;    /* 1 + the number of the word that was given instead; 0: none */
} Map;

typedef enum OptionType {
  OPTION_TYPE_REAL,       /* double */
  OPTION_TYPE_INTEGER,    /* int64_t */
  OPTION_TYPE_BOOLEAN,    /* bool */
  OPTION_TYPE_WORD,       /* int: index into words */
  OPTION_TYPE_TEXT,       /* char *, NULL when null */
  OPTION_TYPE_TEXTS,      /* TextList; a lone text counts as a list of one */
  OPTION_TYPE_REALS,      /* RealList; a lone number counts as a list of one */
  OPTION_TYPE_TEXT_LISTS, /* TextLists */
  OPTION_TYPE_VARIANT,
  OPTION_TYPE_VARIANTS,
  OPTION_TYPE_MAP,
  OPTION_TYPE_SPACES, /* SpaceList: kinds whose rows are left open in part; a lone one counts, too
                       */
} OptionType;

/* The value of a real or integer row that was given null, which is allowed only where the default
 * is null or the row says so. */
#define OPTION_NONE_INTEGER INT64_MIN /* reals use NaN */

struct Option {
  const char *name;
  OptionType type;
  size_t offset;
  const char *fallback; /* the default as JSON text; NULL: required; "null": may be left out */
  _Bool or_null;        /* null is allowed though the default is something else */
  double low, high;     /* inclusive range of numbers and of list items */
  /* WORD: the words allowed. REAL: words allowed instead of a number; word i is stored as
   * -(1.0 + i), so their range must not hold negative numbers. MAP: words instead of an object. */
  const char *const *words;
  const Kind *const *kinds; /* VARIANT, VARIANTS, SPACES: NULL-terminated */
  const Option *rows;       /* MAP: rows of an item, ended by a row without a name */
  size_t item_size;         /* MAP: bytes of an item */
  const char *help;         /* what it does, with its unit; one or two sentences */
};

/* What every kind is described by; StageKind, ModelKind and StepKind begin with one. */
struct Kind {
  const char *name; /* as in the config */
  const char *help; /* one sentence */
  int version;      /* rises when the same input gives new output; part of the cache key */
  size_t options_size;
  const Option *options; /* ended by a row without a name; NULL when there are none */
  /* Checks across rows, after each row was checked; may be NULL. Local. Fails with INVALID; the
   * message begins with the option's name and a colon: "test: ...". */
  Status (*check)(const void *options);
};

#define OPTION_OF(S, field, T) \
  (offsetof(S, field) + 0 * sizeof(char[_Generic(((S *)0)->field, T : 1, default : -1)]))

#define OPTION_REAL(S, field, fallback_, low_, high_, help_)                         \
  {                                                                                  \
    .name = #field, .type = OPTION_TYPE_REAL, .offset = OPTION_OF(S, field, double), \
    .fallback = fallback_, .low = low_, .high = high_, .help = help_                 \
  }
#define OPTION_REAL_OR_WORD(S, field, fallback_, low_, high_, words_, help_)          \
  {                                                                                   \
    .name = #field, .type = OPTION_TYPE_REAL, .offset = OPTION_OF(S, field, double),  \
    .fallback = fallback_, .low = low_, .high = high_, .words = words_, .help = help_ \
  }
#define OPTION_INTEGER(S, field, fallback_, low_, high_, help_)                          \
  {                                                                                      \
    .name = #field, .type = OPTION_TYPE_INTEGER, .offset = OPTION_OF(S, field, int64_t), \
    .fallback = fallback_, .low = (double)(low_), .high = (double)(high_), .help = help_ \
  }
#define OPTION_BOOLEAN(S, field, fallback_, help_)                                     \
  {                                                                                    \
    .name = #field, .type = OPTION_TYPE_BOOLEAN, .offset = OPTION_OF(S, field, _Bool), \
    .fallback = fallback_, .help = help_                                               \
  }
#define OPTION_WORD(S, field, fallback_, words_, help_)                           \
  {                                                                               \
    .name = #field, .type = OPTION_TYPE_WORD, .offset = OPTION_OF(S, field, int), \
    .fallback = fallback_, .words = words_, .help = help_                         \
  }
#define OPTION_TEXT(S, field, fallback_, help_)                                      \
  {                                                                                  \
    .name = #field, .type = OPTION_TYPE_TEXT, .offset = OPTION_OF(S, field, char *), \
    .fallback = fallback_, .help = help_                                             \
  }
#define OPTION_TEXT_OR_NULL(S, field, fallback_, help_)                              \
  {                                                                                  \
    .name = #field, .type = OPTION_TYPE_TEXT, .offset = OPTION_OF(S, field, char *), \
    .fallback = fallback_, .or_null = 1, .help = help_                               \
  }
#define OPTION_TEXTS(S, field, fallback_, help_)                                        \
  {                                                                                     \
    .name = #field, .type = OPTION_TYPE_TEXTS, .offset = OPTION_OF(S, field, TextList), \
    .fallback = fallback_, .help = help_                                                \
  }
#define OPTION_REALS(S, field, fallback_, low_, high_, help_)                           \
  {                                                                                     \
    .name = #field, .type = OPTION_TYPE_REALS, .offset = OPTION_OF(S, field, RealList), \
    .fallback = fallback_, .low = low_, .high = high_, .help = help_                    \
  }
#define OPTION_TEXT_LISTS(S, field, fallback_, help_)                                         \
  {                                                                                           \
    .name = #field, .type = OPTION_TYPE_TEXT_LISTS, .offset = OPTION_OF(S, field, TextLists), \
    .fallback = fallback_, .help = help_                                                      \
  }
#define OPTION_VARIANT(S, field, fallback_, kinds_, help_)                               \
  {                                                                                      \
    .name = #field, .type = OPTION_TYPE_VARIANT, .offset = OPTION_OF(S, field, Variant), \
    .fallback = fallback_, .kinds = kinds_, .help = help_                                \
  }
#define OPTION_VARIANTS(S, field, fallback_, kinds_, help_)                                   \
  {                                                                                           \
    .name = #field, .type = OPTION_TYPE_VARIANTS, .offset = OPTION_OF(S, field, VariantList), \
    .fallback = fallback_, .kinds = kinds_, .help = help_                                     \
  }
#define OPTION_MAP(S, field, fallback_, rows_, Item, help_)                        \
  {                                                                                \
    .name = #field, .type = OPTION_TYPE_MAP, .offset = OPTION_OF(S, field, Map),   \
    .fallback = fallback_, .rows = rows_, .item_size = sizeof(Item), .help = help_ \
  }
#define OPTION_MAP_OR_WORD(S, field, fallback_, rows_, Item, words_, help_)           \
  {                                                                                   \
    .name = #field, .type = OPTION_TYPE_MAP, .offset = OPTION_OF(S, field, Map),      \
    .fallback = fallback_, .rows = rows_, .item_size = sizeof(Item), .words = words_, \
    .help = help_                                                                     \
  }

#define OPTION_SPACES(S, field, fallback_, kinds_, help_)                                 \
  {                                                                                       \
    .name = #field, .type = OPTION_TYPE_SPACES, .offset = OPTION_OF(S, field, SpaceList), \
    .fallback = fallback_, .kinds = kinds_, .help = help_                                 \
  }

/* May a search choose it: is it a real, an integer, a boolean or a word? Local. */
bool option_is_scalar(const Option *row);
/* A scalar of an options struct as a number, and back: null is NaN, a boolean 0 or 1, a word its
 * number, a word in the place of a real what is stored. Local. */
double option_get(const Option *row, const void *options);
void option_set(const Option *row, void *options, double value);

/* Free what the parser allocated inside an options struct and empty its texts, lists, variants and
 * maps; numbers stay. Local. NULL rows: nothing. */
void options_clear(const Option *rows, void *options);
/* Free a variant's options and zero it. Local. */
void variant_clear(Variant *variant);

#endif
