/* Words for made-up tracks; see synthesize_words.h.
 *
 * A genre is one of 53 first words and one of 19 second words, both lists sorted; '-' sorts before
 * all letters, so pairs in order of (first, second) are in byte order. An artist is a number in
 * base 100 whose digits are syllables: sorted syllables and equal lengths make the order of numbers
 * the order of bytes. Real words for artists were rejected: millions are needed. */
#include "synthesize_words.h"

#include <string.h>

#include "kernels/base/memory.h"

enum { FIRSTS = 53, PARTS = 64, PART = 8 };

static const char firsts[FIRSTS][PART + 1] = {
    "acid",   "afro",     "alpine",   "amber",    "arctic",   "astral",  "autumn", "avant",
    "baltic", "basement", "bayou",    "border",   "brass",    "carbon",  "cellar", "chamber",
    "city",   "cloud",    "coastal",  "copper",   "cosmic",   "crystal", "dawn",   "deep",
    "delta",  "desert",   "dream",    "dusk",     "electric", "ember",   "future", "garden",
    "glass",  "golden",   "harbor",   "highland", "hollow",   "island",  "jungle", "lunar",
    "meadow", "metro",    "midnight", "neon",     "nordic",   "ocean",   "paper",  "prairie",
    "river",  "solar",    "steam",    "velvet",   "winter"};
static const char seconds[WORDS_FAMILIES][PART] = {
    "ambient", "beat",  "blues", "bop", "choral", "core", "disco", "drone", "folk", "funk",
    "groove",  "house", "jazz",  "pop", "punk",   "rock", "soul",  "step",  "wave"};

/* A name is one of each; none is longer than seven letters, with two blanks 23 bytes. */
static const char openers[PARTS][PART] = {
    "Silver",  "Golden",  "Broken",  "Little",  "Lonely",  "Distant", "Paper",   "Neon",
    "Hidden",  "Quiet",   "Wild",    "Frozen",  "Burning", "Sweet",   "Bitter",  "Lucky",
    "Crystal", "Velvet",  "Hollow",  "Gentle",  "Patient", "Endless", "Summer",  "Winter",
    "Crimson", "Amber",   "Blue",    "Green",   "White",   "Black",   "Second",  "Last",
    "First",   "Lost",    "Found",   "Fallen",  "Rising",  "Sinking", "Glass",   "Iron",
    "Secret",  "Sacred",  "Simple",  "Tender",  "Tiny",    "Giant",   "Ancient", "Modern",
    "Western", "Eastern", "Foreign", "Gravity", "Magic",   "Lunar",   "Solar",   "Cosmic",
    "Morning", "Evening", "Rainy",   "Sunny",   "Stormy",  "Cloudy",  "Windy",   "Sleepy"};
static const char nouns[PARTS][PART] = {
    "River",   "Heart",   "Light",   "Road",   "Dream",  "Fire",   "Rain",    "Moon",
    "City",    "Ocean",   "Star",    "Shadow", "Garden", "Mirror", "Letter",  "Window",
    "Bridge",  "Song",    "Dance",   "Summer", "Winter", "Train",  "Valley",  "Island",
    "Feather", "Stone",   "Thunder", "Echo",   "Candle", "Harbor", "Forest",  "Desert",
    "Storm",   "Wave",    "Cloud",   "Flower", "Bird",   "Wolf",   "Tiger",   "Angel",
    "Lover",   "Dancer",  "Sailor",  "Queen",  "King",   "Child",  "Friend",  "Soldier",
    "Teacher", "Machine", "Engine",  "Signal", "Circle", "Corner", "Kitchen", "Village",
    "Tower",   "Ladder",  "Anchor",  "Arrow",  "Thread", "Needle", "Lantern", "Pocket"};
static const char closers[PARTS][PART] = {
    "Tonight", "Again",   "Forever", "Alone",   "Rising", "Falling", "Calling", "Burning",
    "Sleeps",  "Waits",   "Returns", "Remains", "Within", "Below",   "Above",   "Beyond",
    "Slowly",  "Softly",  "Always",  "Never",   "Maybe",  "Goodbye", "Hello",   "Please",
    "Baby",    "Darling", "Inside",  "Outside", "Waltz",  "Blues",   "Lullaby", "Anthem",
    "Ballad",  "Theme",   "Song",    "Prayer",  "Story",  "Memory",  "Morning", "Evening",
    "Sunday",  "Monday",  "Friday",  "January", "April",  "June",    "August",  "October",
    "Revival", "Parade",  "Reprise", "Remix",   "Live",   "Edit",    "Demo",    "Chorus",
    "Refrain", "Dub",     "Fantasy", "Nocturn", "Sonata", "Study",   "Sketch",  "Groove"};

Status words_genres(int64_t n, Dictionary *out) {
  Status status = OK;
  int64_t rounds = (n + WORDS_FAMILIES - 1) / WORDS_FAMILIES;
  *out = (Dictionary){0};
  TRY(NEW(&out->offset, n + 1));
  TRY(NEW(&out->bytes, n * 2 * (PART + 1)));
  for (int64_t g = 0; g < n; g++) {
    const char *first = firsts[g / WORDS_FAMILIES * FIRSTS / rounds];
    const char *second = seconds[g % WORDS_FAMILIES];
    size_t length = strlen(first), more = strlen(second);
    char *word = out->bytes + out->offset[g];
    memcpy(word, first, length);
    word[length] = '-';
    memcpy(word + length + 1, second, more);
    out->offset[g + 1] = out->offset[g] + (int64_t)(length + 1 + more);
  }
  out->n = (int32_t)n;
done:
  return status;
}

Status words_artists(const Stream *stream, int64_t n, Dictionary *out) {
  static const char consonants[] = "bcdfghjklmnprstvwxyz", vowels[] = "aeiou";
  Status status = OK;
  int64_t digits = 2, numbers = 10000;
  for (; numbers < 4 * n; digits++) numbers *= 100;
  int64_t stride = numbers / n, length = 2 * digits;
  *out = (Dictionary){0};
  TRY(NEW(&out->offset, n + 1));
  TRY(NEW(&out->bytes, n * length));
  for (int64_t a = 0; a < n; a++) {
    int64_t number = a * stride + random_integer(stream, (uint64_t)a, 0, stride);
    char *word = out->bytes + a * length;
    for (int64_t d = digits - 1; d >= 0; d--, number /= 100) {
      word[2 * d] = consonants[number % 100 / 5];
      word[2 * d + 1] = vowels[number % 5];
    }
    word[0] = (char)(word[0] - 'a' + 'A');
    out->offset[a + 1] = (a + 1) * length;
  }
  out->n = (int32_t)n;
done:
  return status;
}

int64_t words_name(const Stream *stream, int64_t row, char out[WORDS_NAME]) {
  uint64_t bits = random_bits(stream, (uint64_t)row, 0);
  const char *const part[] = {openers[bits % PARTS], nouns[bits / PARTS % PARTS],
                              closers[bits / PARTS / PARTS % PARTS]};
  int64_t n = 0;
  for (int p = 0; p < 3; p++) {
    if (p > 0) out[n++] = ' ';
    for (const char *c = part[p]; *c; c++) out[n++] = *c;
  }
  return n;
}

void words_id(const Stream *stream, int64_t row, char out[WORDS_ID]) {
  static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (uint32_t half = 0; half < 2; half++) { /* Philox gives each row 128 bits of its own */
    uint64_t bits = random_bits(stream, (uint64_t)row, half);
    for (int d = WORDS_ID / 2 - 1; d >= 0; d--, bits /= 62)
      out[half * (WORDS_ID / 2) + (uint32_t)d] = digits[bits % 62];
  }
}
