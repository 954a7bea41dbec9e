#include "textflag.h"

// func Read(p unsafe.Pointer, n int)
TEXT ·Read(SB), NOSPLIT, $0-16
	MOVD p+0(FP), R0
	MOVD n+8(FP), R1
line:
	PRFM (R0), PLDL1KEEP
	ADD  $64, R0
	SUBS $64, R1, R1
	BGT  line
	RET

// func Write(p unsafe.Pointer, n int)
TEXT ·Write(SB), NOSPLIT, $0-16
	MOVD p+0(FP), R0
	MOVD n+8(FP), R1
line:
	PRFM (R0), PSTL1KEEP
	ADD  $64, R0
	SUBS $64, R1, R1
	BGT  line
	RET
