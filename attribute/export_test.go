package attribute

// SweepAfter makes sweeps possible after so many packets.
func SweepAfter(packets int) { sweepPackets = packets }

// CheckOwners holds Owners to Find.
var CheckOwners = checkOwners
