/* Nearest known name by edit distance; see names.h. */
#include "names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 64 };

static int smaller(int a, int b) { return a < b ? a : b; }

/* Optimal string alignment distance of two texts of at most LONGEST bytes. */
static int distance(const char *a, const char *b) {
  int n = (int)strlen(a), m = (int)strlen(b);
  int d[LONGEST + 1][LONGEST + 1];
  for (int i = 0; i <= n; i++) d[i][0] = i;
  for (int j = 0; j <= m; j++) d[0][j] = j;
  for (int i = 1; i <= n; i++) {
    for (int j = 1; j <= m; j++) {
      int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
      d[i][j] = smaller(d[i - 1][j - 1] + (x != y), smaller(d[i - 1][j], d[i][j - 1]) + 1);
      bool swapped = i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                     y == tolower((unsigned char)a[i - 2]);
      if (swapped) d[i][j] = smaller(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[n][m];
}

const char *names_nearest(const char *given, const char *const *names, int64_t n) {
  const char *nearest = NULL;
  size_t length = strlen(given);
  if (length > LONGEST) return NULL;
  int best = (int)length / 3 + 1;
  for (int64_t i = 0; i < n; i++) {
    if (!names[i] || strlen(names[i]) > LONGEST) continue;
    int d = distance(given, names[i]);
    if (d < best) {
      best = d;
      nearest = names[i];
    }
  }
  return nearest;
}

const char *names_hint(const char *given, const char *const *names, int64_t n, char buffer[160]) {
  const char *nearest = names_nearest(given, names, n);
  buffer[0] = 0;
  if (nearest) snprintf(buffer, 160, "; did you mean \"%s\"?", nearest);
  return buffer;
}
