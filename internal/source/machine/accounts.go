package machine

import (
	"bufio"
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/holdfastdns/holdfast"
)

// account finds a user and all of its groups in the machine's own files.
// Directory services are not asked: a user of theirs is not known.
func (t *Tree) account(user string, setting holdfast.Setting) holdfast.Account {
	out := holdfast.Account{User: user, Place: setting.Place}
	passwd, err := t.read("/etc/passwd")
	if err != nil {
		return out
	}
	for fields := range colons(passwd) {
		if len(fields) < 4 || fields[0] != user && fields[2] != user {
			continue
		}
		uid, err := strconv.Atoi(fields[2])
		gid, err2 := strconv.Atoi(fields[3])
		if err == nil && err2 == nil {
			out.User, out.UID, out.Groups, out.Known = fields[0], uid, []int{gid}, true
		}
		break
	}
	groups, err := t.read("/etc/group")
	if err != nil || !out.Known {
		return out
	}
	for fields := range colons(groups) {
		if len(fields) < 4 || !slices.Contains(strings.Split(fields[3], ","), out.User) {
			continue
		}
		if gid, err := strconv.Atoi(fields[2]); err == nil && !slices.Contains(out.Groups, gid) {
			out.Groups = append(out.Groups, gid)
		}
	}
	return out
}

// colons hands out the fields of each line of passwd(5) or group(5).
func colons(text []byte) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		lines := bufio.NewScanner(bytes.NewReader(text))
		for lines.Scan() {
			if !yield(strings.Split(lines.Text(), ":")) {
				return
			}
		}
	}
}
