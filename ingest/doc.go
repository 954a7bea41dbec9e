// Package ingest opens the files of a recording: captures and connection
// logs.
//
//  1. Open takes capture files as one recording; Capture.Read decodes their
//     packets into batches, numbered from 1 over all files.
//  2. OpenLog takes the connection logs; Log.Next returns their events.
//     FindLog tells where the log of a capture lies.
//  3. What is damaged comes back as Damage, beside what could be read; only
//     I/O errors end the reading.
//
// Limits: one goroutine a Capture; a file is read in its own order, and
// several in the order given.
package ingest
