/* Repulsion on a grid; see repulsion.h.
 *
 * The map is cut into boxes of at most BOX_SIDE a side with three nodes each, equally spaced, so
 * that nodes of neighbouring boxes make one grid. Every rank spreads its points' charges on the
 * nodes in fixed point, so that sums over ranks are exact in any order. The convolution with q^2 is
 * a product of transforms of twice the length: transforms along columns, then, row by row, along
 * rows, times the spectrum, and back, of which only the quarter that is wanted is ever stored;
 * panels of eight sequences are spread over the ranks of a node. Two charges are one complex
 * sequence, since q^2 is real and even. The spectrum is made anew only when spacing or length
 * change, so both are taken from few values.
 *
 * Rejected: a spectrum for q beside that of q^2, since Z follows from the same sums; spreading
 * transforms between nodes (every node does them, as moving a grid takes longer); Barnes-Hut, which
 * is slower than the grid from a few thousand points on, and slower than pairs below. */
#include "repulsion.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"

#define BODY static inline __attribute__((always_inline))

/* Boxes of 1, as the method's first implementation has them, blur the pushes of near points: on
 * 8,000 tracks the divergence after 750 iterations was 3 percent above that with boxes of 0.5,
 * which take four times as long to transform. */
static const double BOX_SIDE = 0.7;

enum { CHARGES = 4, NODES = 3, BOXES_LEAST = 50, BOXES_MOST = 600 };

/* The arrays in the node's memory, of `side` x `stride` numbers, stride a multiple of FFT_LANES. */
typedef struct Layout {
  int64_t side, stride, length, half; /* half: of the spectrum, a side */
  int64_t charge;                     /* numbers of a charge: side x stride */
  int64_t wave;                       /* numbers of a plane: length x stride */
} Layout;

static Layout layout_of(int64_t length) {
  Layout l = {.side = length / 2, .length = length, .half = length / 2 + 1};
  l.stride = (l.side + FFT_LANES - 1) / FFT_LANES * FFT_LANES;
  l.charge = l.side * l.stride;
  l.wave = length * l.stride;
  return l;
}

static int64_t *charges_of(const Repulsion *r, const Layout *l, int64_t rank, int64_t charge) {
  return (int64_t *)r->memory.data + (rank * CHARGES + charge) * l->charge;
}

/* Plane 0 .. 3: re and im of the first pair of charges, then of the second. */
static double *plane_of(const Repulsion *r, const Layout *l, int64_t plane) {
  int64_t grids = r->memory.window ? r->memory.node.size : 1;
  return (double *)charges_of(r, l, grids, 0) + plane * l->wave;
}

static double *spectrum_of(const Repulsion *r, const Layout *l) { return plane_of(r, l, 4); }

static size_t bytes_of(const Layout *l, int64_t grids) {
  int64_t rows = (l->half + FFT_LANES - 1) / FFT_LANES * FFT_LANES;
  return (size_t)(grids * CHARGES * l->charge + 4 * l->wave + rows * rows) * sizeof(double);
}

/* ---- the grid's place ---- */

typedef struct Grid {
  double x, y;   /* lower corner */
  double box;    /* side of a box */
  int64_t boxes; /* a side */
} Grid;

/* The least of the numbers 2^(i / 8) that is not below value. */
static double round_up(double value) {
  static const double steps[8] = {0x1p+0,
                                  0x1.172b83c7d517bp+0,
                                  0x1.306fe0a31b715p+0,
                                  0x1.4bfdad5362a27p+0,
                                  0x1.6a09e667f3bcdp+0,
                                  0x1.8ace5422aa0dbp+0,
                                  0x1.ae89f995ad3adp+0,
                                  0x1.d5818dcfba487p+0};
  int exponent = 0;
  double fraction = frexp(value, &exponent) * 2;
  for (int i = 0; i < 8; i++)
    if (fraction <= steps[i]) return ldexp(steps[i], exponent - 1);
  return ldexp(1, exponent);
}

static Grid grid_of(const double *x, const double *y, int64_t n) {
  double low_x = x[0], high_x = x[0], low_y = y[0], high_y = y[0];
  for (int64_t i = 1; i < n; i++) {
    low_x = x[i] < low_x ? x[i] : low_x;
    high_x = x[i] > high_x ? x[i] : high_x;
    low_y = y[i] < low_y ? y[i] : low_y;
    high_y = y[i] > high_y ? y[i] : high_y;
  }
  double span = high_x - low_x > high_y - low_y ? high_x - low_x : high_y - low_y;
  Grid grid = {.box = BOX_SIDE, .boxes = BOXES_LEAST};
  span = span > 1e-100 ? span : 1e-100;
  if (span <= BOX_SIDE * BOXES_LEAST) {
    grid.box = round_up(span) / BOXES_LEAST;
  } else if (span > BOX_SIDE * BOXES_MOST) {
    grid.box = round_up(span) / BOXES_MOST;
    grid.boxes = BOXES_MOST;
  } else {
    grid.boxes = (int64_t)floor(span / BOX_SIDE) + 1;
  }
  grid.boxes = fft_good_length(2 * NODES * grid.boxes) / (2 * NODES);
  double side = grid.box * (double)grid.boxes;
  grid.x = low_x / 2 + high_x / 2 - side / 2;
  grid.y = low_y / 2 + high_y / 2 - side / 2;
  return grid;
}

/* Where a point lies: the first node of its box, and the weights of the box's nodes. */
typedef struct Spot {
  int64_t node;
  double weight[NODES];
} Spot;

static inline Spot spot_of(double at, double corner, double box, int64_t boxes) {
  double place = (at - corner) / box;
  int64_t here = (int64_t)place;
  here = here < 0 ? 0 : here >= boxes ? boxes - 1 : here;
  double t = place - (double)here;
  /* Lagrange's polynomials of the nodes 1/6, 1/2, 5/6. */
  double a = t - 1.0 / 6, b = t - 0.5, c = t - 5.0 / 6;
  return (Spot){here * NODES, {4.5 * (b * c), -9 * (a * c), 4.5 * (a * b)}};
}

/* ---- charges ---- */

/* Powers of two that scale charges so that no sum over n points overflows. */
static void scales_of(const double *x, const double *y, int64_t n, double *scale) {
  double most[CHARGES] = {1, 0, 0, 0};
  for (int64_t i = 0; i < n; i++) {
    most[1] = fabs(x[i]) > most[1] ? fabs(x[i]) : most[1];
    most[2] = fabs(y[i]) > most[2] ? fabs(y[i]) : most[2];
  }
  most[3] = most[1] * most[1] + most[2] * most[2];
  /* Weights of a node are at most 1.875 an axis. */
  for (int c = 0; c < CHARGES; c++) scale[c] = fixed_scale(most[c], 60 - fixed_bits(n));
}

typedef struct Places {
  const double *x, *y; /* all points */
  int64_t begin, n;    /* this rank's */
} Places;

static void spread(Repulsion *r, const Layout *l, const Grid *grid, const double *scale,
                   const Places *at) {
  int64_t rank = r->memory.window ? r->memory.node.rank : 0;
  int64_t *charge = charges_of(r, l, rank, 0);
  memset(charge, 0, (size_t)(CHARGES * l->charge) * sizeof *charge);
  for (int64_t i = at->begin; i < at->begin + at->n; i++) {
    double x = at->x[i], y = at->y[i];
    double value[CHARGES] = {scale[0], x * scale[1], y * scale[2], (x * x + y * y) * scale[3]};
    Spot sx = spot_of(x, grid->x, grid->box, grid->boxes);
    Spot sy = spot_of(y, grid->y, grid->box, grid->boxes);
    for (int a = 0; a < NODES; a++) {
      int64_t *node = charge + (sx.node + a) * l->stride + sy.node;
      for (int b = 0; b < NODES; b++) {
        double weight = sx.weight[a] * sy.weight[b];
        for (int c = 0; c < CHARGES; c++) node[c * l->charge + b] += llrint(value[c] * weight);
      }
    }
  }
}

/* ---- transforms ---- */

typedef struct Wave {
  Repulsion *r;
  Layout l;
  double *re[2], *im[2]; /* panels of the two pairs */
  double unscale[CHARGES];
} Wave;

/* This rank's part of n panels. */
static int64_t share_begin(const Repulsion *r, int64_t n) { return n * r->part / r->parts; }
static int64_t share_end(const Repulsion *r, int64_t n) { return n * (r->part + 1) / r->parts; }

/* Charges of columns v .. v + 7, over all ranks, as numbers; zeros below. */
static void load_charges(const Wave *w, int pair, int64_t v) {
  const Repulsion *r = w->r;
  int64_t first = r->one_node || !r->memory.window ? 0 : r->memory.node.rank;
  int64_t last = r->one_node && r->memory.window ? r->memory.node.size : first + 1;
  for (int half = 0; half < 2; half++) {
    double *panel = half ? w->im[pair] : w->re[pair];
    int64_t c = 2 * pair + half;
    memset(panel, 0, (size_t)(w->l.length * FFT_LANES) * sizeof *panel);
    for (int64_t u = 0; u < w->l.side; u++) {
      for (int64_t lane = 0; lane < FFT_LANES; lane++) {
        int64_t sum = 0;
        for (int64_t rank = first; rank < last; rank++)
          sum += charges_of(r, &w->l, rank, c)[u * w->l.stride + v + lane];
        panel[u * FFT_LANES + lane] = (double)sum * w->unscale[c];
      }
    }
  }
}

static void along_columns(const Wave *w) {
  int64_t panels = w->l.stride / FFT_LANES;
  for (int64_t p = share_begin(w->r, panels); p < share_end(w->r, panels); p++) {
    for (int pair = 0; pair < 2; pair++) {
      load_charges(w, pair, p * FFT_LANES);
      fft_run(&w->r->fft, w->re[pair], w->im[pair]);
      double *re = plane_of(w->r, &w->l, 2 * pair) + p * FFT_LANES;
      double *im = plane_of(w->r, &w->l, 2 * pair + 1) + p * FFT_LANES;
      for (int64_t u = 0; u < w->l.length; u++) {
        memcpy(re + u * w->l.stride, w->re[pair] + u * FFT_LANES, FFT_LANES * sizeof *re);
        memcpy(im + u * w->l.stride, w->im[pair] + u * FFT_LANES, FFT_LANES * sizeof *im);
      }
    }
  }
}

static void load_rows(const Wave *w, const double *plane, int64_t u, double *panel) {
  const Layout *l = &w->l;
  memset(panel + l->side * FFT_LANES, 0,
         (size_t)((l->length - l->side) * FFT_LANES) * sizeof *panel);
  for (int64_t lane = 0; lane < FFT_LANES; lane++) {
    const double *row = plane + (u + lane < l->length ? u + lane : 0) * l->stride;
    for (int64_t v = 0; v < l->side; v++) panel[v * FFT_LANES + lane] = row[v];
  }
}

static void store_rows(const Wave *w, const double *panel, int64_t u, double *plane) {
  const Layout *l = &w->l;
  for (int64_t lane = 0; lane < FFT_LANES && u + lane < l->length; lane++) {
    double *row = plane + (u + lane) * l->stride;
    for (int64_t v = 0; v < l->side; v++) row[v] = panel[v * FFT_LANES + lane];
  }
}

/* Times the spectrum, which is even in both directions. */
static void multiply(const Wave *w, int64_t u, double *re, double *im) {
  const Layout *l = &w->l;
  const double *spectrum = spectrum_of(w->r, l);
  double row[FFT_LANES];
  for (int64_t v = 0; v < l->length; v++) {
    int64_t column = v < l->half ? v : l->length - v;
    for (int64_t lane = 0; lane < FFT_LANES; lane++) {
      int64_t at = u + lane < l->half ? u + lane : l->length - (u + lane);
      row[lane] = at >= 0 ? spectrum[column * l->half + at] : 0;
    }
    for (int64_t lane = 0; lane < FFT_LANES; lane++) {
      re[v * FFT_LANES + lane] *= row[lane];
      im[v * FFT_LANES + lane] *= row[lane];
    }
  }
}

static void along_rows(const Wave *w) {
  int64_t panels = (w->l.length + FFT_LANES - 1) / FFT_LANES;
  for (int64_t p = share_begin(w->r, panels); p < share_end(w->r, panels); p++) {
    for (int pair = 0; pair < 2; pair++) {
      double *re = w->re[pair], *im = w->im[pair];
      double *plane_re = plane_of(w->r, &w->l, 2 * pair);
      double *plane_im = plane_of(w->r, &w->l, 2 * pair + 1);
      load_rows(w, plane_re, p * FFT_LANES, re);
      load_rows(w, plane_im, p * FFT_LANES, im);
      fft_run(&w->r->fft, re, im);
      multiply(w, p * FFT_LANES, re, im);
      fft_run(&w->r->fft, im, re);
      store_rows(w, re, p * FFT_LANES, plane_re);
      store_rows(w, im, p * FFT_LANES, plane_im);
    }
  }
}

/* Back along columns; of the result, the first `side` rows are wanted. */
static void back_along_columns(const Wave *w) {
  int64_t panels = w->l.stride / FFT_LANES;
  for (int64_t p = share_begin(w->r, panels); p < share_end(w->r, panels); p++) {
    for (int pair = 0; pair < 2; pair++) {
      double *re = plane_of(w->r, &w->l, 2 * pair) + p * FFT_LANES;
      double *im = plane_of(w->r, &w->l, 2 * pair + 1) + p * FFT_LANES;
      for (int64_t u = 0; u < w->l.length; u++) {
        memcpy(w->re[pair] + u * FFT_LANES, re + u * w->l.stride, FFT_LANES * sizeof *re);
        memcpy(w->im[pair] + u * FFT_LANES, im + u * w->l.stride, FFT_LANES * sizeof *im);
      }
      fft_run(&w->r->fft, w->im[pair], w->re[pair]);
      for (int64_t u = 0; u < w->l.side; u++) {
        memcpy(re + u * w->l.stride, w->re[pair] + u * FFT_LANES, FFT_LANES * sizeof *re);
        memcpy(im + u * w->l.stride, w->im[pair] + u * FFT_LANES, FFT_LANES * sizeof *im);
      }
    }
  }
}

/* ---- the spectrum ---- */

static double kernel_at(int64_t u, int64_t v, double spacing) {
  double x = (double)u * spacing, y = (double)v * spacing, q = 1 / (1 + x * x + y * y);
  return q * q;
}

/* q^2 at distances up to half the length either way. Transforms of even sequences are even, so
 * half + 1 of them, and half + 1 numbers of each, are all there is. Each rank makes it whole in
 * panels of its own and stores its part; transforms along the first direction are stored there. */
static void make_spectrum(const Wave *w, double spacing, int pass) {
  const Layout *l = &w->l;
  double *spectrum = spectrum_of(w->r, l), *re = w->re[0], *im = w->im[0];
  int64_t panels = (l->half + FFT_LANES - 1) / FFT_LANES;
  const double unit = 1 / ((double)l->length * (double)l->length);
  for (int64_t p = share_begin(w->r, panels); p < share_end(w->r, panels); p++) {
    for (int64_t u = 0; u < l->length; u++) {
      int64_t at = u < l->half ? u : l->length - u;
      for (int64_t lane = 0; lane < FFT_LANES; lane++) {
        int64_t other = p * FFT_LANES + lane;
        re[u * FFT_LANES + lane] = pass == 0         ? kernel_at(at, other, spacing)
                                   : other < l->half ? spectrum[at * l->half + other] * unit
                                                     : 0;
        im[u * FFT_LANES + lane] = 0;
      }
    }
    fft_run(&w->r->fft, re, im);
    double *to = pass == 0 ? spectrum : plane_of(w->r, l, 0);
    for (int64_t u = 0; u < l->half; u++)
      for (int64_t lane = 0; lane < FFT_LANES && p * FFT_LANES + lane < l->half; lane++)
        to[(p * FFT_LANES + lane) * l->half + u] = re[u * FFT_LANES + lane];
  }
}

static void copy_spectrum(const Wave *w) {
  const Layout *l = &w->l;
  int64_t begin = share_begin(w->r, l->half), end = share_end(w->r, l->half);
  memcpy(spectrum_of(w->r, l) + begin * l->half, plane_of(w->r, l, 0) + begin * l->half,
         (size_t)((end - begin) * l->half) * sizeof(double));
}

/* ---- back to points ---- */

/* What the grid has of a point's pair with itself: its weights' products at 0, 1 and 2 nodes'
 * distance along either axis, times q^2 there. */
static double self_share(const Spot *sx, const Spot *sy, double kernel[NODES][NODES]) {
  const double *a = sx->weight, *b = sy->weight;
  double along_x[NODES] = {a[0] * a[0] + a[1] * a[1] + a[2] * a[2], 2 * (a[0] * a[1] + a[1] * a[2]),
                           2 * a[0] * a[2]};
  double along_y[NODES] = {b[0] * b[0] + b[1] * b[1] + b[2] * b[2], 2 * (b[0] * b[1] + b[1] * b[2]),
                           2 * b[0] * b[2]};
  double sum = 0;
  for (int u = 0; u < NODES; u++)
    for (int v = 0; v < NODES; v++) sum += along_x[u] * along_y[v] * kernel[u][v];
  return sum;
}

static void gather(const Repulsion *r, const Layout *l, const Grid *grid, const Places *at,
                   double *push_x, double *push_y, double *share) {
  const double *plane[CHARGES];
  double kernel[NODES][NODES];
  for (int u = 0; u < NODES; u++)
    for (int v = 0; v < NODES; v++) kernel[u][v] = kernel_at(u, v, r->spacing);
  for (int c = 0; c < CHARGES; c++) plane[c] = plane_of(r, l, c);
  for (int64_t i = 0; i < at->n; i++) {
    double x = at->x[at->begin + i], y = at->y[at->begin + i], sum[CHARGES] = {0};
    Spot sx = spot_of(x, grid->x, grid->box, grid->boxes);
    Spot sy = spot_of(y, grid->y, grid->box, grid->boxes);
    for (int a = 0; a < NODES; a++) {
      for (int b = 0; b < NODES; b++) {
        double weight = sx.weight[a] * sy.weight[b];
        int64_t node = (sx.node + a) * l->stride + sy.node + b;
        for (int c = 0; c < CHARGES; c++) sum[c] += weight * plane[c][node];
      }
    }
    push_x[i] = x * sum[0] - sum[1];
    push_y[i] = y * sum[0] - sum[2];
    share[i] = (1 + x * x + y * y) * sum[0] - 2 * (x * sum[1] + y * sum[2]) + sum[3] -
               self_share(&sx, &sy, kernel);
  }
}

/* ---- pair by pair ---- */

BODY void pairs_body(const Places *at, int64_t n, double *push_x, double *push_y, double *share) {
  enum { LANES = 8 };
  for (int64_t i = 0; i < at->n; i++) {
    double x = at->x[at->begin + i], y = at->y[at->begin + i];
    double fx[LANES] = {0}, fy[LANES] = {0}, z[LANES] = {0};
    for (int64_t j = 0; j < n; j += LANES) {
      for (int64_t k = 0; k < LANES; k++) {
        int64_t other = j + k < n ? j + k : 0;
        double here = j + k < n ? 1 : 0;
        double dx = x - at->x[other], dy = y - at->y[other];
        double q = here / (1 + (dx * dx + dy * dy));
        z[k] += q;
        fx[k] += q * q * dx;
        fy[k] += q * q * dy;
      }
    }
    push_x[i] = push_y[i] = 0;
    share[i] = -1;
    for (int64_t k = 0; k < LANES; k++) {
      push_x[i] += fx[k];
      push_y[i] += fy[k];
      share[i] += z[k];
    }
  }
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx512f,avx512dq,prefer-vector-width=512"))) static void pairs_wide(
    const Places *at, int64_t n, double *push_x, double *push_y, double *share) {
  pairs_body(at, n, push_x, push_y, share);
}
static bool is_wide(void) { return __builtin_cpu_supports("avx512dq"); }
#else
static void pairs_wide(const Places *at, int64_t n, double *push_x, double *push_y, double *share) {
  pairs_body(at, n, push_x, push_y, share);
}
static bool is_wide(void) { return false; }
#endif

static void push_by_pairs(const Places *at, int64_t n, double *push_x, double *push_y,
                          double *share) {
  if (is_wide()) {
    pairs_wide(at, n, push_x, push_y, share);
  } else {
    pairs_body(at, n, push_x, push_y, share);
  }
}

/* ---- the whole ---- */

Status repulsion_init_all(const Comm *comm, int64_t n, bool by_pairs, Repulsion *out) {
  *out = (Repulsion){.comm = comm, .n = n, .by_pairs = by_pairs, .memory = {.win = MPI_WIN_NULL}};
  return OK;
}

void repulsion_clear_all(Repulsion *r) {
  if (r->memory.data) comm_shared_clear_all(&r->memory);
  fft_clear(&r->fft);
  memory_free(&r->panel);
}

static Status prepare(Repulsion *r, int64_t length) {
  Status status = OK;
  fft_clear(&r->fft);
  memory_free(&r->panel);
  TRY(fft_init(&r->fft, length));
  TRY(NEW(&r->panel, 4 * length * FFT_LANES));
done:
  return status;
}

/* Memory for transforms of this length. */
static Status resize_all(Repulsion *r, int64_t length) {
  Status status = OK;
  Layout l = layout_of(length);
  Comm node = {0};
  if (r->memory.data) comm_shared_clear_all(&r->memory);
  r->memory = (SharedMemory){.win = MPI_WIN_NULL};
  r->length = 0;
  r->spacing = 0;
  AGREE(r->comm, prepare(r, length));
  comm_split_node_all(r->comm, &node);
  int64_t most = comm_max_one_all(r->comm, node.size);
  r->one_node = !comm_any_all(r->comm, node.size < r->comm->size);
  comm_clear_all(&node);
  TRY(comm_shared_new_all(r->comm, bytes_of(&l, most), &r->memory));
  /* Where one rank has no window, none shares: layouts are the same on all ranks of a node. */
  r->parts = r->memory.window ? r->memory.node.size : 1;
  r->part = r->memory.window ? r->memory.node.rank : 0;
  r->one_node = r->one_node && r->memory.window;
  r->length = length;
done:
  return status;
}

static void remake_spectrum_all(Wave *w, double spacing) {
  Repulsion *r = w->r;
  make_spectrum(w, spacing, 0);
  comm_shared_publish_all(r->comm, &r->memory);
  make_spectrum(w, spacing, 1);
  comm_shared_publish_all(r->comm, &r->memory);
  copy_spectrum(w);
  comm_shared_publish_all(r->comm, &r->memory);
  r->spacing = spacing;
}

static Wave wave_of(Repulsion *r, const double *scale) {
  Wave w = {.r = r, .l = layout_of(r->length)};
  for (int pair = 0; pair < 2; pair++) {
    w.re[pair] = r->panel + 2 * pair * r->length * FFT_LANES;
    w.im[pair] = w.re[pair] + r->length * FFT_LANES;
  }
  for (int c = 0; c < CHARGES; c++) w.unscale[c] = 1 / scale[c];
  return w;
}

Status repulsion_push_all(Repulsion *r, const double *x, const double *y, int64_t begin,
                          int64_t n_own, double *push_x, double *push_y, double *share) {
  Status status = OK;
  Places at = {x, y, begin, n_own};
  double scale[CHARGES];
  if (r->by_pairs) {
    push_by_pairs(&at, r->n, push_x, push_y, share);
    return OK;
  }
  Grid grid = grid_of(x, y, r->n);
  scales_of(x, y, r->n, scale);
  if (2 * NODES * grid.boxes != r->length) TRY(resize_all(r, 2 * NODES * grid.boxes));
  Wave w = wave_of(r, scale);
  if (grid.box / NODES != r->spacing) remake_spectrum_all(&w, grid.box / NODES);
  spread(r, &w.l, &grid, scale, &at);
  if (!r->one_node) comm_sum_all(r->comm, charges_of(r, &w.l, r->part, 0), CHARGES * w.l.charge);
  comm_shared_publish_all(r->comm, &r->memory);
  along_columns(&w);
  comm_shared_publish_all(r->comm, &r->memory);
  along_rows(&w);
  comm_shared_publish_all(r->comm, &r->memory);
  back_along_columns(&w);
  comm_shared_publish_all(r->comm, &r->memory);
  gather(r, &w.l, &grid, &at, push_x, push_y, share);
done:
  return status;
}
