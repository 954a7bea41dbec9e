// Package connlog reads and writes connection logs, which say what sockets and
// processes there were while packets were captured. docs/connlog.md describes
// the format for everybody, docs/connlog.schema.json for machines.
//
//  1. An [Event] is one line. [Event.Append] writes its fields in a fixed
//     order; strings that are not UTF-8 are escaped once, and [Unescape] gives
//     their bytes back.
//  2. [Writer] numbers events and writes whole lines.
//  3. [Reader.Next] returns one event after the other. Lines in the order of
//     Append are read in place (parseFixed), all others by encoding/json
//     (parse); both read alike. [Pieces] cuts a log into some lines each, which
//     several readers may parse at a time ([NewPieceReader]).
//  4. A malformed line is a [LineError], behind which reading goes on; a file
//     that is no log, or a newer one's, a [NotLogError], which is final.
//
// A log is JSON Lines:
//
//	{"event":"head","time_ns":1795556050488237502,"seq":1,"schema":"pcapwho.connlog/1",…}
//	{"event":"process","time_ns":…,"seq":2,"change":"snapshot","pid":18628,"start_ns":…,"name":"python3",…}
//	{"event":"socket","time_ns":…,"seq":3,"change":"open","socket_id":493,"protocol":"tcp",
//	 "local":"127.0.0.1:34584","remote":"127.0.0.1:8080","owners":[{"pid":18628,"start_ns":…}],…}
//	{"event":"poll","time_ns":…,"seq":4,"begin_ns":…,"end_ns":…,"sockets":3}
//	{"event":"end","time_ns":…,"seq":5,"packets":14,"dropped":0,"events":5}
//
// Events and fields that this version does not know are passed over, and so
// are those of the schema without fields yet: nat and mark.
//
// Limits: a line of at most MaxLine bytes. An event's memory, strings
// excepted, is used again for the next one. Whether a log has its end is for
// the caller to see.
package connlog
