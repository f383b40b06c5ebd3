/* Strict JSON syntax with messages for people; see json.h.
 *
 * A recursive descent over RFC 8259 that builds nothing: it finds the first place where the text
 * stops being JSON and says what would have been right there. cJSON's own error position is not
 * used: it points behind the token and knows no reason. */
#include "json.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
  DEEPEST = 100,
  LONGEST_NUMBER = 60 /* cJSON reads no more than 63 bytes of a number */
};

typedef struct Scan {
  const char *file, *text;
  int64_t n, at;
  int depth;
} Scan;

static int64_t line_of(const Scan *scan, int64_t at, int64_t *column) {
  int64_t line = 1;
  *column = 1;
  for (int64_t i = 0; i < at; i++) {
    bool inner = ((unsigned char)scan->text[i] & 0xC0) == 0x80; /* of a multi-byte character */
    bool mark = i < 3 && at >= 3 && memcmp(scan->text, "\xEF\xBB\xBF", 3) == 0;
    if (scan->text[i] == '\n') {
      line++;
      *column = 1;
    } else if (!inner && !mark) {
      (*column)++;
    }
  }
  return line;
}

__attribute__((format(printf, 3, 4))) static Status fail_at(const Scan *scan, int64_t at,
                                                            const char *format, ...) {
  char text[512];
  int64_t column = 1, line = line_of(scan, at, &column);
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return status_fail(INVALID, "%s:%lld:%lld: %s", scan->file, (long long)line, (long long)column,
                     text);
}

static int peek(const Scan *scan) {
  return scan->at < scan->n ? (unsigned char)scan->text[scan->at] : -1;
}

/* What stands here, for "found ...". */
static const char *found(const Scan *scan, char buffer[48]) {
  int c = peek(scan);
  int64_t length = 0;
  if (c < 0) return "the end of the text";
  while (length < 24 && scan->at + length < scan->n &&
         (isalnum((unsigned char)scan->text[scan->at + length]) ||
          scan->text[scan->at + length] == '_'))
    length++;
  if (length > 0)
    snprintf(buffer, 48, "%.*s", (int)length, scan->text + scan->at);
  else if (isprint(c))
    snprintf(buffer, 48, "%c", c);
  else
    snprintf(buffer, 48, "byte 0x%02X", (unsigned)c);
  return buffer;
}

static void skip_space(Scan *scan) {
  while (scan->at < scan->n && strchr(" \t\r\n", scan->text[scan->at]) && scan->text[scan->at])
    scan->at++;
}

static int hex_value(const Scan *scan, int64_t at) {
  int value = 0;
  for (int64_t i = at; i < at + 4; i++) {
    int c = i < scan->n ? tolower((unsigned char)scan->text[i]) : 0;
    if (!isxdigit(c)) return -1;
    value = value * 16 + (isdigit(c) ? c - '0' : c - 'a' + 10);
  }
  return value;
}

/* The escape that begins at the backslash. */
static Status scan_escape(Scan *scan) {
  int64_t start = scan->at++;
  int c = peek(scan);
  if (c != 'u') {
    if (c <= 0 || !strchr("\"\\/bfnrt", c))
      return fail_at(scan, start,
                     "this escape is unknown; allowed: \\\" \\\\ \\/ \\b \\f \\n \\r "
                     "\\t \\uXXXX (a backslash itself is \\\\)");
    scan->at++;
    return OK;
  }
  int code = hex_value(scan, scan->at + 1);
  scan->at += 5;
  if (code < 0) return fail_at(scan, start, "\\u needs four hexadecimal digits");
  if (code == 0) return fail_at(scan, start, "a text cannot hold a NUL character");
  if (code < 0xD800 || code > 0xDFFF) return OK;
  bool pair = code < 0xDC00 && scan->at + 1 < scan->n && scan->text[scan->at] == '\\' &&
              scan->text[scan->at + 1] == 'u';
  int low = pair ? hex_value(scan, scan->at + 2) : -1;
  if (low < 0xDC00 || low > 0xDFFF)
    return fail_at(scan, start, "this is half of a surrogate pair; the other half is missing");
  scan->at += 6;
  return OK;
}

/* Bytes of the UTF-8 character at text (n bytes are there), 0 when it is not valid: no overlong
 * forms, no surrogates, nothing above U+10FFFF (RFC 3629). */
static int utf8_length(const unsigned char *text, int64_t n) {
  static const unsigned smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned c = text[0];
  if (c < 0x80) return 1;
  int length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
  if (c < 0xC2 || c > 0xF4 || length > n) return 0;
  unsigned code = c & (0x7Fu >> length);
  for (int i = 1; i < length; i++) {
    if ((text[i] & 0xC0) != 0x80) return 0;
    code = code << 6 | (text[i] & 0x3Fu);
  }
  bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return code < smallest[length] || code > 0x10FFFF || surrogate ? 0 : length;
}

bool json_utf8_valid(const char *text) {
  int64_t n = (int64_t)strlen(text);
  for (int64_t i = 0; i < n;) {
    int length = utf8_length((const unsigned char *)text + i, n - i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

static Status scan_string(Scan *scan) {
  int64_t start = scan->at++;
  for (;;) {
    int c = peek(scan);
    if (c < 0 || c == '\n') return fail_at(scan, start, "this text has no closing \" on its line");
    if (c == '"') break;
    if (c == '\\') {
      Status status = scan_escape(scan);
      if (status != OK) return status;
      continue;
    }
    if (c < 0x20)
      return fail_at(scan, scan->at,
                     "a control character (byte 0x%02X) inside a text; write it as "
                     "\\u%04X",
                     (unsigned)c, (unsigned)c);
    int length = utf8_length((const unsigned char *)scan->text + scan->at, scan->n - scan->at);
    if (length == 0)
      return fail_at(scan, scan->at, "byte 0x%02X is not valid UTF-8; save the file as UTF-8",
                     (unsigned)c);
    scan->at += length;
  }
  scan->at++;
  return OK;
}

static int64_t scan_digits(Scan *scan) {
  int64_t start = scan->at;
  while (isdigit(peek(scan))) scan->at++;
  return scan->at - start;
}

static Status scan_number(Scan *scan) {
  int64_t start = scan->at;
  if (peek(scan) == '-') scan->at++;
  int first = peek(scan);
  int64_t digits = scan_digits(scan);
  if (digits == 0) return fail_at(scan, start, "a number needs a digit after its minus");
  if (digits > 1 && first == '0') return fail_at(scan, start, "a number cannot begin with 0");
  if (peek(scan) == '.') {
    scan->at++;
    if (scan_digits(scan) == 0)
      return fail_at(scan, start, "a number needs a digit after its point");
  }
  if (peek(scan) == 'e' || peek(scan) == 'E') {
    scan->at++;
    if (peek(scan) == '+' || peek(scan) == '-') scan->at++;
    if (scan_digits(scan) == 0)
      return fail_at(scan, start, "a number needs a digit in its exponent");
  }
  if (scan->at - start > LONGEST_NUMBER)
    return fail_at(scan, start, "a number has at most %d characters", LONGEST_NUMBER);
  return OK;
}

static Status scan_word(Scan *scan) {
  static const char *const words[] = {"true", "false", "null"};
  char buffer[48];
  int64_t length = 0;
  while (scan->at + length < scan->n && isalnum((unsigned char)scan->text[scan->at + length]))
    length++;
  for (int i = 0; i < 3; i++) {
    if (length != (int64_t)strlen(words[i])) continue;
    if (memcmp(scan->text + scan->at, words[i], (size_t)length) != 0) continue;
    scan->at += length;
    return OK;
  }
  const char *fix = length > 0 ? "; texts stand in \"quotes\", words are true, false and null" : "";
  if (peek(scan) == '\'') fix = "; texts are quoted with \"";
  if (peek(scan) == '/') fix = "; comments begin with //";
  return fail_at(scan, scan->at, "expected a value, found %s%s", found(scan, buffer), fix);
}

static Status scan_value(Scan *scan); /* declared ahead: values nest */

/* Objects and lists: open, items between commas, close. */
static Status scan_items(Scan *scan, char close) {
  Status status = OK;
  char buffer[48];
  int64_t start = scan->at++, column = 0, comma = -1;
  bool object = close == '}';
  const char *what = object ? "object" : "list";
  if (++scan->depth > DEEPEST) return fail_at(scan, start, "more than %d levels deep", DEEPEST);
  for (bool first = true;; first = false) {
    skip_space(scan);
    if (peek(scan) == close && first) break;
    if (peek(scan) == close) return fail_at(scan, comma, "remove this comma: nothing follows it");
    if (object) {
      if (peek(scan) != '"')
        return fail_at(scan, scan->at, "expected a name in \"quotes\"%s, found %s",
                       first ? " or }" : "", found(scan, buffer));
      if ((status = scan_string(scan)) != OK) return status;
      skip_space(scan);
      if (peek(scan) != ':')
        return fail_at(scan, scan->at, "expected : after a name, found %s", found(scan, buffer));
      scan->at++;
    }
    if ((status = scan_value(scan)) != OK) return status;
    skip_space(scan);
    if (peek(scan) == close) break;
    if (peek(scan) < 0)
      return fail_at(scan, scan->at,
                     "expected , or %c, found the end: the %s that begins in line "
                     "%lld is not closed",
                     close, what, (long long)line_of(scan, start, &column));
    if (peek(scan) != ',')
      return fail_at(scan, scan->at, "expected , or %c, found %s", close, found(scan, buffer));
    comma = scan->at++;
  }
  scan->at++;
  scan->depth--;
  return OK;
}

static Status scan_value(Scan *scan) {
  skip_space(scan);
  int c = peek(scan);
  if (c == '{') return scan_items(scan, '}');
  if (c == '[') return scan_items(scan, ']');
  if (c == '"') return scan_string(scan);
  if (c == '-' || isdigit(c)) return scan_number(scan);
  return scan_word(scan);
}

Status json_check(const char *file, const char *text, int64_t n) {
  Scan scan = {.file = file, .text = text, .n = n};
  char buffer[48];
  if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) scan.at = 3;
  Status status = scan_value(&scan);
  if (status != OK) return status;
  skip_space(&scan);
  if (scan.at < n)
    return fail_at(&scan, scan.at, "expected the end of the text, found %s", found(&scan, buffer));
  return OK;
}
