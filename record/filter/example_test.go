package filter_test

import (
	"fmt"

	"github.com/pcapwho/pcapwho/record/filter"
)

func ExampleCompile() {
	if _, err := filter.Compile("tcp port 80 or 443 and not net 10.0.0.0/8"); err != nil {
		fmt.Println(err)
	}
	_, err := filter.Compile("tcp and host example.com")
	fmt.Println(err)
	// Output:
	// column 14: "example.com" is no address; names are not looked up
}
