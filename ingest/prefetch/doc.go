// Package prefetch asks the processor for memory that will be needed soon, so that it need
// not be waited for then. It is only advice: nothing happens where the memory is not
// mapped, or the processor is of another kind than those below.
//
// What another core wrote or read last is worth asking for most. A store to it does not
// wait, but those behind it do, in order, and after some dozens the core stands still.
package prefetch
