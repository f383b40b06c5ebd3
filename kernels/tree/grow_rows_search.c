/* Splits of the nodes of a level from histograms that are summed over ranks; see grow_rows.h.
 *
 * What is looked at together is a slot: all chosen features of a node or, where none of those could
 * split it, one feature more. Pairs of slot and feature are taken in chunks; while the sums of one
 * chunk are under way the histograms of the next one are filled, and the one before is searched.
 * The best of a slot is agreed on by its gain, then by the lower feature, whose searcher tells the
 * rest: a few words a slot, however many ranks. */
#include <string.h>

#include "grow_rows_parts.h"
#include "kernels/base/memory.h"

enum {
  SLOT_PAIRS = 1 << 20, /* pairs that are listed at a time, but for those of a single node */
  CHUNKS = 4,           /* into which the pairs of a level are cut, so that work overlaps */
  CHUNK_PAIRS = 64,     /* that are worth being a chunk */
  BEST_WORDS = 8,       /* of a split that is told */
};

typedef struct Pair {
  int32_t slot, feature;
} Pair;

typedef struct Best {
  Split split;
  double decrease;
  int64_t set[NODE_SET_WORDS];
  bool missing;
} Best;

typedef struct Search {
  RowsGrower *g;
  int64_t n_pairs, n_slots, pair_capacity, slot_capacity;
  Pair *pair;
  int32_t *node; /* of a slot: in the top */
  Best *best;    /* of a slot */
  int64_t *words;
  double *gain;
  int64_t word_capacity, gain_capacity, node_capacity;
  int64_t *offsets; /* size + 1 */
} Search;

static void search_clear(Search *s) {
  memory_free(&s->pair);
  memory_free(&s->node);
  memory_free(&s->best);
  memory_free(&s->words);
  memory_free(&s->gain);
  memory_free(&s->offsets);
}

/* ---- histograms ---- */

static void fill_sums(const Splitter *s, int64_t begin, int64_t end, const Pair *pair, int64_t n,
                      uint64_t *histogram) {
  for (int64_t i = begin; i < end; i++) {
    uint64_t payload = *record_at(s, i), *h = histogram;
    const uint8_t *codes = codes_at(s, i);
    for (int64_t j = 0; j < n; j++, h += BINS_CODES) h[codes[pair[j].feature]] += payload;
  }
}

/* All features in their order. */
static void fill_all_sums(const Splitter *s, int64_t begin, int64_t end, uint64_t *histogram) {
  for (int64_t i = begin; i < end; i++) {
    uint64_t payload = *record_at(s, i), *h = histogram;
    const uint8_t *codes = codes_at(s, i);
    int64_t d = s->d;
    for (; d >= 4; d -= 4, codes += 4, h += 4 * BINS_CODES) {
      h[codes[0]] += payload;
      h[BINS_CODES + codes[1]] += payload;
      h[2 * BINS_CODES + codes[2]] += payload;
      h[3 * BINS_CODES + codes[3]] += payload;
    }
    for (; d > 0; d--, codes++, h += BINS_CODES) h[codes[0]] += payload;
  }
}

/* Sums in two words, by way of packed ones over as many rows as these can hold. */
static void fill_wide(const Splitter *s, int64_t begin, int64_t end, const Pair *pair, int64_t n,
                      int64_t *histogram) {
  uint64_t packed[BINS_CODES];
  for (int64_t j = 0; j < n; j++, histogram += 2 * BINS_CODES) {
    for (int64_t i = begin; i < end;) {
      memset(packed, 0, sizeof packed);
      for (int64_t weight = 0; i < end; i++) {
        uint64_t payload = *record_at(s, i);
        weight += (int64_t)(payload >> s->shift);
        if (weight > s->rows.weight_max) break;
        packed[codes_at(s, i)[pair[j].feature]] += payload;
      }
      for (int64_t b = 0; b < BINS_CODES; b++) {
        histogram[b] += (int64_t)(packed[b] >> s->shift);
        histogram[BINS_CODES + b] += (int64_t)(packed[b] & s->low);
      }
    }
  }
}

static void fill_classes(const Splitter *s, int64_t begin, int64_t end, const Pair *pair, int64_t n,
                         uint32_t *histogram) {
  int64_t n_classes = s->rows.n_classes, words = BINS_CODES * n_classes;
  for (int64_t i = begin; i < end; i++) {
    uint64_t payload = *record_at(s, i);
    uint32_t class = payload_class(payload), weight = payload_count(payload);
    const uint8_t *codes = codes_at(s, i);
    uint32_t *h = histogram + class;
    for (int64_t j = 0; j < n; j++, h += words) h[codes[pair[j].feature] * n_classes] += weight;
  }
}

/* This rank's sums for n pairs, slot by slot. */
static void fill_pairs(const Search *search, const Pair *pair, int64_t n, int64_t *histogram) {
  RowsGrower *g = search->g;
  const Splitter *s = &g->s;
  memset(histogram, 0, (size_t)(n * g->pair_words) * sizeof *histogram);
  for (int64_t j = 0, run = 0; j < n; j += run) {
    for (run = 1; j + run < n && pair[j + run].slot == pair[j].slot;) run++;
    const Item *item = &g->top[search->node[pair[j].slot]].item;
    int64_t *h = histogram + j * g->pair_words;
    if (s->classes) {
      fill_classes(s, item->begin, item->end, pair + j, run, (uint32_t *)(void *)h);
    } else if (g->wide) {
      fill_wide(s, item->begin, item->end, pair + j, run, h);
    } else if (run == s->d) {
      fill_all_sums(s, item->begin, item->end, (uint64_t *)h);
    } else {
      fill_sums(s, item->begin, item->end, pair + j, run, (uint64_t *)h);
    }
    comm_sum_scatter_push(&g->sum);
  }
}

/* ---- candidates ---- */

/* Does a row miss the feature? */
static bool any_missing(const RowsGrower *g, const int64_t *histogram) {
  if (!g->s.classes) return histogram[BINS_MISSING] != 0;
  const uint32_t *weight = (const uint32_t *)(const void *)histogram;
  weight += BINS_MISSING * g->s.rows.n_classes;
  for (int64_t c = 0; c < g->s.rows.n_classes; c++) {
    if (weight[c]) return true;
  }
  return false;
}

/* Search a pair whose sums are complete. */
static void search_pair(Search *search, const Pair *pair, const int64_t *histogram) {
  RowsGrower *g = search->g;
  Splitter *s = g->s.classes ? &g->made_up : &g->s;
  Best *best = &search->best[pair->slot];
  Split before = best->split;
  Item item = g->top[search->node[pair->slot]].item;
  int64_t squares = 0;
  if (s->classes) {
    split_scan_classes(s, &item, (const uint32_t *)(const void *)histogram, pair->feature, &squares,
                       &best->split);
  } else if (g->wide) {
    split_scan_wide(s, &item, histogram, pair->feature, &best->split);
  } else {
    split_scan_histogram(s, &item, (const uint64_t *)histogram, pair->feature, &best->split);
  }
  if (best->split.feature == before.feature) return;
  double weight = (double)item.weight, gain = best->split.gain;
  best->decrease = s->classes ? gain - (double)squares / weight : gain / weight;
  best->missing = any_missing(g, histogram);
  if (best->split.is_set) memcpy(best->set, s->set, sizeof best->set);
}

/* Pairs of a chunk that this rank searches: from n rank / size on. */
static int64_t part_begin(const RowsGrower *g, int64_t n, int rank) {
  return n * rank / g->comm->size;
}

static void search_chunk(Search *search, const Pair *pair, int64_t n, const int64_t *histogram) {
  const RowsGrower *g = search->g;
  int64_t end = part_begin(g, n, g->comm->rank + 1);
  for (int64_t j = part_begin(g, n, g->comm->rank); j < end; j++) {
    search_pair(search, &pair[j], histogram + j * g->pair_words);
  }
}

/* Histograms, sums and candidates of all pairs. Collective. */
static void search_pairs_all(Search *search) {
  RowsGrower *g = search->g;
  int64_t chunk = (search->n_pairs + CHUNKS - 1) / CHUNKS;
  if (chunk < CHUNK_PAIRS) chunk = CHUNK_PAIRS;
  if (chunk > g->pairs) chunk = g->pairs;
  const Pair *before = NULL; /* the chunk under way */
  int64_t n_before = 0;
  int side = 0;
  for (int64_t begin = 0; begin < search->n_pairs; begin += chunk, side = !side) {
    const Pair *pair = search->pair + begin;
    int64_t left = search->n_pairs - begin, n = left < chunk ? left : chunk;
    fill_pairs(search, pair, n, g->histogram[side]);
    if (before) comm_sum_scatter_end_all(&g->sum);
    for (int r = 0; r <= g->comm->size; r++) {
      search->offsets[r] = part_begin(g, n, r) * g->pair_words;
    }
    comm_sum_scatter_begin_all(&g->sum, g->histogram[side], search->offsets, 1, 0);
    if (before) search_chunk(search, before, n_before, g->histogram[!side]);
    before = pair;
    n_before = n;
  }
  if (!before) return;
  comm_sum_scatter_end_all(&g->sum);
  search_chunk(search, before, n_before, g->histogram[!side]);
}

/* ---- agreement ---- */

enum { FLAG_MISSING_LEFT = 1, FLAG_SET = 2, FLAG_MISSING = 4 };

static int64_t real_bits(double x) {
  int64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static double bits_real(int64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static void tell(const Best *best, int64_t words[BEST_WORDS]) {
  const Split *s = &best->split;
  int64_t flags = (s->missing_left ? FLAG_MISSING_LEFT : 0) | (s->is_set ? FLAG_SET : 0) |
                  (best->missing ? FLAG_MISSING : 0);
  words[0] = s->weight_left;
  words[1] = s->sum_left;
  words[2] = (int64_t)s->bin << 8 | flags;
  words[3] = real_bits(best->decrease);
  for (int w = 0; w < NODE_SET_WORDS; w++) words[4 + w] = best->set[w];
}

static void hear(const int64_t words[BEST_WORDS], double gain, int32_t feature, Best *best) {
  best->split = (Split){.gain = gain,
                        .weight_left = words[0],
                        .sum_left = words[1],
                        .feature = feature,
                        .bin = (int32_t)(words[2] >> 8),
                        .missing_left = (words[2] & FLAG_MISSING_LEFT) != 0,
                        .is_set = (words[2] & FLAG_SET) != 0};
  best->missing = (words[2] & FLAG_MISSING) != 0;
  best->decrease = bits_real(words[3]);
  memcpy(best->set, words + 4, sizeof best->set);
}

/* The best of every slot, on all ranks. Collective. */
static void agree_slots_all(Search *search) {
  const Comm *comm = search->g->comm;
  int64_t n = search->n_slots, *words = search->words;
  for (int64_t k = 0; k < n; k++) search->gain[k] = search->best[k].split.gain;
  comm_max_real_all(comm, search->gain, n);
  for (int64_t k = 0; k < n; k++) {
    const Split *own = &search->best[k].split;
    words[k] = own->feature >= 0 && own->gain == search->gain[k] ? own->feature : INT32_MAX;
  }
  comm_min_all(comm, words, n);
  for (int64_t k = n - 1; k >= 0; k--) { /* a slot's words stand behind its feature */
    int64_t *told = words + n + k * BEST_WORDS;
    bool own = search->best[k].split.feature == words[k];
    memset(told, 0, BEST_WORDS * sizeof *told);
    if (own) tell(&search->best[k], told);
  }
  comm_sum_all(comm, words + n, n * BEST_WORDS);
  for (int64_t k = 0; k < n; k++) {
    int32_t feature = words[k] == INT32_MAX ? -1 : (int32_t)words[k];
    hear(words + n + k * BEST_WORDS, search->gain[k], feature, &search->best[k]);
  }
}

/* ---- slots ---- */

static Status add_slot(Search *search, int64_t node, int64_t n_pairs) {
  Status status = OK;
  int64_t n = search->n_slots + 1;
  TRY(RESERVE(&search->pair, &search->pair_capacity, search->n_pairs + n_pairs));
  TRY(RESERVE(&search->node, &search->node_capacity, n));
  TRY(RESERVE(&search->best, &search->slot_capacity, n));
  TRY(RESERVE(&search->gain, &search->gain_capacity, n));
  TRY(RESERVE(&search->words, &search->word_capacity, n * (1 + BEST_WORDS)));
  search->node[n - 1] = (int32_t)node;
  search->best[n - 1] = (Best){.split = {.gain = -1, .feature = -1}};
  search->n_slots = n;
done:
  return status;
}

static void add_pair(Search *search, int32_t feature) {
  search->pair[search->n_pairs++] = (Pair){(int32_t)search->n_slots - 1, feature};
}

/* Slots of the chosen features of open nodes, from *next on. */
static Status list_chosen(Search *search, const Stream *nodes, int64_t *next, int64_t end) {
  Status status = OK;
  RowsGrower *g = search->g;
  Splitter *s = &g->s;
  int64_t features = s->options.features;
  search->n_pairs = search->n_slots = 0;
  for (; *next < end; ++*next) {
    if (g->top[*next].kind != TOP_OPEN) continue;
    if (search->n_pairs > 0 && search->n_pairs + features > SLOT_PAIRS) break;
    TRY(add_slot(search, *next, features));
    split_choose_features(s, g->top[*next].item.path, nodes);
    for (int64_t j = 0; j < features; j++) add_pair(search, s->chosen[j]);
    if (features < s->d) grow_shuffle_undo(&s->shuffle);
  }
done:
  return status;
}

/* One slot for each of the features `step` .. step + n - 1 of the permutations of open nodes begin
 * .. end - 1 without a split. */
static Status list_more(Search *search, const Stream *nodes, int64_t begin, int64_t end,
                        int64_t step, int64_t n) {
  Status status = OK;
  RowsGrower *g = search->g;
  GrowShuffle *shuffle = &g->s.shuffle;
  search->n_pairs = search->n_slots = 0;
  for (int64_t i = begin; i < end; i++) {
    if (g->top[i].kind != TOP_OPEN || g->top[i].split.feature >= 0) continue;
    grow_shuffle_begin(shuffle, nodes, g->top[i].item.path);
    for (int64_t j = 0; j < step; j++) grow_shuffle_next(shuffle);
    for (int64_t j = 0; j < n && status == OK; j++) {
      status = add_slot(search, i, 1);
      if (status == OK) add_pair(search, grow_shuffle_next(shuffle));
    }
    grow_shuffle_undo(shuffle);
    if (status != OK) break;
  }
  return status;
}

/* Splits of slots to their nodes, those of the first slot that has one. */
static void take_slots(const Search *search) {
  for (int64_t k = 0; k < search->n_slots; k++) {
    TopNode *node = &search->g->top[search->node[k]];
    const Best *best = &search->best[k];
    if (node->split.feature >= 0 || best->split.feature < 0) continue;
    node->split = best->split;
    node->decrease = best->decrease;
    node->missing = best->missing;
    memcpy(node->set, best->set, sizeof node->set);
  }
}

Status rows_search_all(RowsGrower *g, const Stream *nodes, int64_t begin, int64_t end) {
  Status status = OK;
  Search search = {.g = g};
  g->s.nodes = g->made_up.nodes = nodes;
  AGREE(g->comm, NEW(&search.offsets, g->comm->size + 1));
  for (int64_t next = begin; next < end;) {
    int64_t first = next;
    AGREE(g->comm, list_chosen(&search, nodes, &next, end));
    search_pairs_all(&search);
    agree_slots_all(&search);
    take_slots(&search);
    int64_t more = 1;
    for (int64_t step = g->s.options.features; step < g->s.d; step += more, more *= 2) {
      if (more > g->s.d - step) more = g->s.d - step;
      AGREE(g->comm, list_more(&search, nodes, first, next, step, more));
      if (search.n_slots == 0) break;
      search_pairs_all(&search);
      agree_slots_all(&search);
      take_slots(&search);
    }
  }
done:
  search_clear(&search);
  return status;
}

Status rows_search_init_all(RowsGrower *g) {
  Status status = OK;
  const GrowRows *rows = &g->s.rows;
  int64_t bytes = g->limits.bytes > 0 ? g->limits.bytes : GROW_ROWS_BYTES;
  int64_t classes = g->s.classes ? rows->n_classes : 0;
  g->pair_words = classes ? BINS_CODES / 2 * classes : g->wide ? 2 * BINS_CODES : BINS_CODES;
  g->pairs = bytes / (8 * g->pair_words);
  if (g->pairs < 1) g->pairs = 1;
  Status local = NEW_RAW(&g->histogram[0], g->pairs * g->pair_words);
  if (local == OK) local = NEW_RAW(&g->histogram[1], g->pairs * g->pair_words);
  if (local == OK && classes) {
    GrowRows made_up = *rows;
    made_up.n = split_made_up_rows(classes, g->weight_max);
    local = splitter_init(&g->made_up, &made_up, &g->s.options);
    g->made_up.words = 1;
    if (local == OK) local = NEW(&g->made_up.record, made_up.n + 1);
  }
  AGREE(g->comm, local);
  int64_t part = (g->pairs + g->comm->size - 1) / g->comm->size * g->pair_words;
  TRY(comm_sum_scatter_init_all(g->comm, part, &g->sum));
done:
  return status;
}

void rows_search_clear(RowsGrower *g) {
  comm_sum_scatter_clear(&g->sum);
  memory_free(&g->histogram[0]);
  memory_free(&g->histogram[1]);
  splitter_clear(&g->made_up);
  memory_free(&g->made_up.record);
}
