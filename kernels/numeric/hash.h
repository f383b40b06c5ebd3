/* Hashes of bytes: for content keys and for exchanging rows by key.
 *
 * hash_bytes is 128 bits wide (MurmurHash3 x64-128, Appleby 2011; public domain algorithm): two
 * different keys among 2^32 collide with probability 2^-65. */
#ifndef SEGUE_NUMERIC_HASH_H
#define SEGUE_NUMERIC_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct Hash {
  uint64_t word[2];
} Hash;

/* Local. seed lets independent uses differ. */
Hash hash_bytes(const void *bytes, size_t n, Hash seed);
static inline Hash hash_zero(void) { return (Hash){{0, 0}}; }
static inline int hash_compare(const Hash *a, const Hash *b) {
  if (a->word[0] != b->word[0]) return a->word[0] < b->word[0] ? -1 : 1;
  if (a->word[1] != b->word[1]) return a->word[1] < b->word[1] ? -1 : 1;
  return 0;
}
/* A good 64-bit mix of one number (SplitMix64's finaliser). */
static inline uint64_t hash_mix(uint64_t x) {
  x ^= x >> 30; x *= 0xbf58476d1ce4e5b9u;
  x ^= x >> 27; x *= 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
/* 32 lower-case hexadecimal digits and a NUL into text. */
void hash_text(const Hash *hash, char text[33]);

#endif
