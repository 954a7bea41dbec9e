// Package inspect tells what a capture file is, without analyzing it: what
// capinfos tells, and what that does not know: damage, the processes that the
// file itself names, and the connection log beside it.
//
//  1. [File] reads all packets of one capture by several goroutines and adds
//     them up in a [Capture].
//  2. The log beside it, where there is one, becomes a [Log]: whose it is, and
//     how much of the capture's time it covers.
//  3. [Capture.Text] writes it for people; its JSON is that of encoding/json.
//
// Limits: memory grows with interfaces and named processes, not with packets.
package inspect
