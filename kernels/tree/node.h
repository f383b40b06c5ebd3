/* The node: 8 bytes, in an int64_t, so that a tree is one plain array that h5py reads as it is.
 *
 *   bits  0 .. 31  inner node: distance to the right child; leaf: its value (signed 32 bits)
 *   bits 32 .. 47  feature; NODE_LEAF for a leaf
 *   bits 48 .. 55  limit
 *   bit       56   flip: 1 sends missing values left, 0 right
 *   bit       57   set: the feature is a category; limit and flip are 0
 *
 * Nodes of a tree stand in preorder: the left child of node i is node i + 1, the right one is node
 * i + distance. A row goes left when (uint8_t)(code + flip) <= limit. With flip 0 the limit is the
 * last bin that goes left, and missing (255) goes right; with flip 1 codes move up by one, missing
 * wraps to 0 and is left of everything, and the limit is one more than the last left bin.
 *
 * A node that splits categories is followed by NODE_SET_WORDS words, the set of the codes that go
 * left: bit c % 64 of word c / 64, and missing (255) is a code like any other. Its left child is
 * node i + 1 + NODE_SET_WORDS. Whoever scans a tree steps by node_words. */
#ifndef SEGUE_TREE_NODE_H
#define SEGUE_TREE_NODE_H

#include <stdbool.h>
#include <stdint.h>

enum { NODE_LEAF = 0xffff, NODE_FEATURES_MAX = 0xfffe, NODE_SET_WORDS = 4 };

/* All local. */
static inline int64_t node_split(int64_t feature, int64_t bin, bool missing_left) {
  return feature << 32 | (bin + missing_left) << 48 | (int64_t)missing_left << 56;
}
/* The word before a set. */
static inline int64_t node_split_set(int64_t feature) { return feature << 32 | INT64_C(1) << 57; }
static inline int64_t node_leaf(int32_t value) {
  return (int64_t)NODE_LEAF << 32 | (int64_t)(uint32_t)value;
}
static inline uint32_t node_feature(int64_t node) { return (uint32_t)(node >> 32) & 0xffffu; }
static inline bool node_is_leaf(int64_t node) { return node_feature(node) == NODE_LEAF; }
/* The low word: distance to the right child, or the leaf's value. */
static inline int32_t node_low(int64_t node) { return (int32_t)(uint32_t)node; }
static inline bool node_missing_left(int64_t node) { return (node >> 56 & 1) != 0; }
/* The last value bin that goes left. */
static inline int32_t node_bin(int64_t node) {
  return (int32_t)(node >> 48 & 0xff) - (int32_t)node_missing_left(node);
}
static inline bool node_goes_left(int64_t node, uint8_t code) {
  return (uint8_t)(code + (uint8_t)(node >> 56 & 1)) <= (uint8_t)(node >> 48 & 0xff);
}

static inline bool node_is_set(int64_t node) { return (node >> 57 & 1) != 0; }
/* Words that a node takes, 1 or 1 + NODE_SET_WORDS; also the distance to its left child. */
static inline int64_t node_words(int64_t node) {
  return 1 + (node >> 57 & 1) * (int64_t)NODE_SET_WORDS;
}
static inline bool node_set_has(const int64_t *set, uint8_t code) {
  return ((uint64_t)set[code / 64] >> (code % 64) & 1) != 0;
}
/* A set as a table of bytes, 1 for codes that go left. */
static inline void node_set_table(const int64_t *set, uint8_t left[256]) {
  for (int code = 0; code < 256; code++) left[code] = node_set_has(set, (uint8_t)code);
}
/* The same as node_goes_left for an inner node of either sort, by its place in the tree. */
static inline bool node_at_goes_left(const int64_t *node, uint8_t code) {
  return node_is_set(*node) ? node_set_has(node + 1, code) : node_goes_left(*node, code);
}

#endif
