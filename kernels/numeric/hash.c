/* MurmurHash3 x64-128 (Appleby 2011), with a seed of 128 bits instead of 32; see hash.h. */
#include "hash.h"

#include <stdio.h>
#include <string.h>

static const uint64_t C1 = 0x87c37b91114253d5u, C2 = 0x4cf5ad432745937fu;

static inline uint64_t rotate(uint64_t x, int bits) { return x << bits | x >> (64 - bits); }

static inline uint64_t mix_first(uint64_t k) { return rotate(k * C1, 31) * C2; }

static inline uint64_t mix_second(uint64_t k) { return rotate(k * C2, 33) * C1; }

static inline uint64_t finish(uint64_t k) {
  k = (k ^ k >> 33) * 0xff51afd7ed558ccdu;
  k = (k ^ k >> 33) * 0xc4ceb9fe1a85ec53u;
  return k ^ k >> 33;
}

Hash hash_bytes(const void *bytes, size_t n, Hash seed) {
  const uint8_t *at = bytes;
  uint64_t h1 = seed.word[0], h2 = seed.word[1], k[2];
  for (size_t left = n; left >= 16; left -= 16, at += 16) {
    memcpy(k, at, sizeof k);
    h1 = (rotate(h1 ^ mix_first(k[0]), 27) + h2) * 5 + 0x52dce729;
    h2 = (rotate(h2 ^ mix_second(k[1]), 31) + h1) * 5 + 0x38495ab5;
  }
  k[0] = k[1] = 0;
  if (n % 16 > 0) memcpy(k, at, n % 16);
  h1 ^= mix_first(k[0]) ^ n;
  h2 ^= mix_second(k[1]) ^ n;
  h1 += h2;
  h2 += h1;
  h1 = finish(h1);
  h2 = finish(h2);
  h1 += h2;
  h2 += h1;
  return (Hash){{h1, h2}};
}

void hash_text(const Hash *hash, char text[33]) {
  snprintf(text, 33, "%016llx%016llx", (unsigned long long)hash->word[0],
           (unsigned long long)hash->word[1]);
}
