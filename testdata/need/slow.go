package need

import "runtime"

// Slow tells that everything takes ten times as long: under the race detector, and on
// machines that CI emulates. Tests try less of what is alike there.
const Slow = underRace || runtime.GOARCH == "s390x" || runtime.GOARCH == "arm"
