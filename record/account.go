package record

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// account is the user who called sudo: the files belong to them, and the
// wrapped command runs as them.
type account struct {
	uid, gid int
	groups   []uint32
	name     string
	home     string
}

// caller returns who called sudo, nil when nobody did or root did.
func caller() (*account, error) {
	uidText, gidText := os.Getenv("SUDO_UID"), os.Getenv("SUDO_GID")
	if os.Geteuid() != 0 || uidText == "" {
		return nil, nil
	}
	uid, errU := strconv.ParseUint(uidText, 10, 31)
	gid, errG := strconv.ParseUint(gidText, 10, 31)
	if errU != nil || errG != nil {
		return nil, &Error{Message: fmt.Sprintf("SUDO_UID=%q SUDO_GID=%q name no user", uidText, gidText), Status: statusFailed}
	}
	if uid == 0 {
		return nil, nil
	}
	a := &account{uid: int(uid), gid: int(gid), groups: []uint32{uint32(gid)}}
	u, err := user.LookupId(uidText)
	if err != nil {
		return a, nil // a user without an entry still owns files
	}
	a.name, a.home = u.Username, u.HomeDir
	groups, err := u.GroupIds()
	if err != nil {
		return a, nil
	}
	for _, g := range groups {
		if n, err := strconv.ParseUint(g, 10, 32); err == nil && uint32(n) != uint32(gid) {
			a.groups = append(a.groups, uint32(n))
		}
	}
	return a, nil
}

// environment is the process's own with the caller's HOME, USER and LOGNAME.
func (a *account) environment() []string {
	env := os.Environ()
	if a == nil || a.name == "" {
		return env
	}
	kept := env[:0:0]
	for _, v := range env {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "HOME", "USER", "LOGNAME":
		default:
			kept = append(kept, v)
		}
	}
	return append(kept, "HOME="+a.home, "USER="+a.name, "LOGNAME="+a.name)
}
