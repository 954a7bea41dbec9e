// Benchmark measures pcapwho on the recordings of testdata/generate, beside
// libpcap's bare loop and other programs, all in turn in one run:
//
//		go run ./testdata/benchmark
//
//	 1. It generates what is not in the folder yet, and builds pcapwho and the
//	    programs of the folders below this one. The yardstick needs a C compiler
//	    and libpcap's headers (Debian: libpcap-dev).
//	 2. Each file is read once, so that it comes from memory afterwards.
//	 3. Round after round each program reads the file, one after the other. A
//	    program is not run again once its runs together took longer than -budget,
//	    and is ended at -limit.
//	 4. The table has the medians over the rounds: wall time, processor time of
//	    user and system, peak resident memory, and the wall time as a multiple of
//	    the yardstick's in the same round (or of the program that the row names).
//
// Programs that are not installed are left out. Compare ratios, never seconds
// of two machines or of two runs. Two builds of pcapwho are compared in one
// run by -pcapwho OLD,NEW.
package main
