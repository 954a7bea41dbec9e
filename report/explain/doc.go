// Package explain tells why one packet of a capture has the owners it has: the
// verdicts of both its sides in words, and the lines of the connection log that are
// about its endpoints, whether they decided or not.
package explain
