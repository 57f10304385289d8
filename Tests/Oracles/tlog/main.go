// Verifies a log with golang.org/x/mod/sumdb, an implementation of signed notes and transparency logs that shares nothing
// with ours (CONFORMANCE L6). Reads a JSON case from standard input, prints "ok" or says what does not hold and exits 1.
//
// Debian: golang-go and golang-golang-x-mod-dev; GOPATH=/usr/share/gocode GO111MODULE=off go run main.go < case.json
package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type testCase struct {
	Key         string
	Folder      string // checkpoint, tile/…, tile/entries/…
	Inclusion   []inclusion
	Consistency []consistency
}

type inclusion struct {
	Position int64
	Proof    []string
}

type consistency struct {
	From     int64
	FromRoot string `json:"from_root"`
	Proof    []string
}

func main() {
	var c testCase
	check(json.NewDecoder(os.Stdin).Decode(&c))
	tree := checkpoint(c)

	// The whole tree from the tiles alone: every tile is checked against the root on its way.
	reader := tlog.TileHashReader(tree, &tiles{c.Folder})
	for n := int64(0); n < tree.N; n += 256 {
		width := min(256, tree.N-n)
		var indexes []int64
		for i := int64(0); i < width; i++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, n+i))
		}
		hashes, err := reader.ReadHashes(indexes)
		check(err)
		for i, entry := range bundle(c.Folder, n/256, int(width)) {
			require(tlog.RecordHash(entry) == hashes[i], "entry %d does not hash to its leaf", n+int64(i))
		}
	}

	for _, i := range c.Inclusion {
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, i.Position)})
		check(err)
		proof := tlog.RecordProof(decode(i.Proof))
		check(tlog.CheckRecord(proof, tree.N, tree.Hash, i.Position, leaf[0]))
		own, err := tlog.ProveRecord(tree.N, i.Position, reader)
		check(err)
		require(len(own) == 0 && len(proof) == 0 || reflect.DeepEqual(own, proof), "inclusion of %d differs", i.Position)
	}
	for _, i := range c.Consistency {
		from := decode([]string{i.FromRoot})[0]
		proof := tlog.TreeProof(decode(i.Proof))
		check(tlog.CheckTree(proof, tree.N, tree.Hash, i.From, from))
		own, err := tlog.ProveTree(tree.N, i.From, reader)
		check(err)
		require(len(own) == 0 && len(proof) == 0 || reflect.DeepEqual(own, proof), "consistency from %d differs", i.From)
	}
	fmt.Println("ok")
}

func checkpoint(c testCase) tlog.Tree {
	verifier, err := note.NewVerifier(c.Key)
	check(err)
	signed, err := os.ReadFile(filepath.Join(c.Folder, "checkpoint"))
	check(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	require(len(lines) == 4 && lines[3] == "", "a checkpoint has three lines")
	require(lines[0] == verifier.Name(), "origin %q is not the key's name", lines[0])
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: root}
}

// The entries of one bundle.
func bundle(folder string, n int64, width int) [][]byte {
	path := tlog.Tile{H: 8, L: -1, N: n, W: width}.Path() // tile/8/data/…
	data, err := os.ReadFile(filepath.Join(folder, strings.Replace(path, "tile/8/data/", "tile/entries/", 1)))
	check(err)
	var entries [][]byte
	for len(data) > 0 {
		require(len(data) >= 2, "bundle %d ends within a length", n)
		size := int(binary.BigEndian.Uint16(data))
		require(len(data) >= 2+size, "bundle %d ends within an entry", n)
		entries = append(entries, data[2:2+size])
		data = data[2+size:]
	}
	require(len(entries) == width, "bundle %d has %d entries, not %d", n, len(entries), width)
	return entries
}

// tiles reads tiles from a folder. The package names them with one more path element, the tile's height.
type tiles struct{ folder string }

func (t *tiles) Height() int                     { return 8 }
func (t *tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t *tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range wanted {
		data, err := os.ReadFile(filepath.Join(t.folder, strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func decode(hashes []string) []tlog.Hash {
	all := []tlog.Hash{}
	for _, text := range hashes {
		bytes, err := base64.StdEncoding.DecodeString(text)
		check(err)
		require(len(bytes) == tlog.HashSize, "a hash has %d bytes", len(bytes))
		var hash tlog.Hash
		copy(hash[:], bytes)
		all = append(all, hash)
	}
	return all
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func require(holds bool, format string, arguments ...interface{}) {
	if !holds {
		check(fmt.Errorf(format, arguments...))
	}
}
