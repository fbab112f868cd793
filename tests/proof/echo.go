// SPDX-License-Identifier: GPL-2.0-only

// An echo program without libc: only the kernel can change the transport of its connections.
//
//	echo serve ADDRESS
//	echo client ADDRESS CONNECTIONS SECONDS
//
// The server echoes what it receives until the end of the stream. Each connection of the
// client sends for SECONDS, shuts down its sending side, and compares the checksum of
// what came back. The client prints the number of bytes and the throughput as JSON.
// The exit status is 0 if every connection got its own data back, 1 otherwise.
package main

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"math/rand"
	"net"
	"os"
	"strconv"
	"time"
)

const chunk = 128 << 10

func serveOne(conn net.Conn) {
	defer conn.Close()
	// Not io.Copy, which would use splice().
	buffer := make([]byte, chunk)
	for {
		n, err := conn.Read(buffer)
		if _, failed := conn.Write(buffer[:n]); failed != nil {
			log.Print(failed)
			return
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			log.Print(err)
			return
		}
	}
}

func serve(address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		go serveOne(conn)
	}
}

type sum struct {
	bytes int64
	crc   uint32
}

func (s *sum) add(data []byte) {
	s.bytes += int64(len(data))
	s.crc = crc32.Update(s.crc, crc32.IEEETable, data)
}

func receive(conn net.Conn) (got sum, err error) {
	buffer := make([]byte, chunk)
	for {
		n, err := conn.Read(buffer)
		got.add(buffer[:n])
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
	}
}

func send(conn *net.TCPConn, seed int64, until time.Time) (sent sum, err error) {
	data := make([]byte, 2*chunk)
	random := rand.New(rand.NewSource(seed))
	random.Read(data)
	for time.Now().Before(until) {
		// A random part of the data each time.
		from := random.Intn(chunk)
		piece := data[from : from+1+random.Intn(chunk)]
		if _, err := conn.Write(piece); err != nil {
			return sent, err
		}
		sent.add(piece)
	}
	return sent, conn.CloseWrite()
}

func exchange(address string, seed int64, until time.Time) (int64, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	var got sum
	received := make(chan error)
	go func() {
		var err error
		got, err = receive(conn)
		received <- err
	}()
	sent, err := send(conn.(*net.TCPConn), seed, until)
	if err != nil {
		return 0, err
	}
	if err := <-received; err != nil {
		return 0, err
	}
	if got != sent {
		return 0, fmt.Errorf("sent %v, received %v", sent, got)
	}
	return got.bytes, nil
}

func client(address string, connections, seconds int) error {
	type result struct {
		bytes int64
		err   error
	}
	results := make(chan result)
	start := time.Now()
	until := start.Add(time.Duration(seconds) * time.Second)
	for i := 0; i < connections; i++ {
		go func(seed int64) {
			bytes, err := exchange(address, seed, until)
			results <- result{bytes, err}
		}(int64(i))
	}
	var total int64
	for i := 0; i < connections; i++ {
		r := <-results
		if r.err != nil {
			return r.err
		}
		total += r.bytes
	}
	took := time.Since(start).Seconds()
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"bytes": total, "seconds": took, "mib_per_s": float64(total) / took / (1 << 20),
	})
}

func run(args []string) error {
	if len(args) == 2 && args[0] == "serve" {
		return serve(args[1])
	}
	if len(args) == 4 && args[0] == "client" {
		connections, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		seconds, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		return client(args[1], connections, seconds)
	}
	return fmt.Errorf("usage: echo serve ADDRESS | client ADDRESS CONNECTIONS SECONDS")
}

func main() {
	log.SetFlags(0)
	if err := run(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}
