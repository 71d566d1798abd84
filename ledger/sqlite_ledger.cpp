#include "ledger/sqlite_ledger.h"

#include <sqlite3.h>

#include <algorithm>

#include "core/files.h"

namespace assay {

namespace {

constexpr int kApplicationId = 0x41535359;  // "ASSY"
constexpr int kSchemaVersion = 1;

static_assert(kRoundMax <= INT64_MAX, "SQLite stores int64");

constexpr const char* kSchema =
    "CREATE TABLE run (one INTEGER PRIMARY KEY CHECK (one = 1), manifest BLOB NOT NULL,"
    "  coordinator BLOB NOT NULL) STRICT;"
    "CREATE TABLE record (height INTEGER PRIMARY KEY, kind INTEGER NOT NULL,"
    "  round INTEGER NOT NULL, subject BLOB NOT NULL, body BLOB NOT NULL,"
    "  previous BLOB NOT NULL, hash BLOB NOT NULL, signature BLOB NOT NULL) STRICT;";

// A prepared statement that cleans up after itself.
class Statement {
public:
    Statement(sqlite3* database, const char* sql) {
        good_ = sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr) == SQLITE_OK;
    }
    ~Statement() { sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    [[nodiscard]] bool good() const { return good_; }
    void bind(int column, uint64_t value) {
        sqlite3_bind_int64(statement_, column, static_cast<sqlite3_int64>(value));
    }
    // The bytes must live until the statement was stepped. Never binds NULL.
    void bind(int column, ByteSpan bytes) {
        static constexpr uint8_t kNothing = 0;
        sqlite3_bind_blob64(statement_,
                            column,
                            bytes.empty() ? &kNothing : bytes.data(),
                            bytes.size(),
                            SQLITE_STATIC);
    }
    int step() { return sqlite3_step(statement_); }
    void reset() { sqlite3_reset(statement_); }

    [[nodiscard]] uint64_t number(int column) const {
        return static_cast<uint64_t>(sqlite3_column_int64(statement_, column));
    }
    [[nodiscard]] ByteSpan blob(int column) const {
        const auto* data = static_cast<const uint8_t*>(sqlite3_column_blob(statement_, column));
        return {data, static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
    }
    template <size_t N>
    [[nodiscard]] bool read(int column, std::array<uint8_t, N>& out) const {
        const ByteSpan bytes = blob(column);
        if (bytes.size() != N) {
            return false;
        }
        std::copy(bytes.begin(), bytes.end(), out.begin());
        return true;
    }

private:
    sqlite3_stmt* statement_ = nullptr;
    bool good_ = false;
};

Result<Record> read_row(const Statement& row) {
    Record record;
    record.height = row.number(0);
    const uint64_t kind = row.number(1);
    record.kind = static_cast<RecordKind>(kind);
    record.round = RoundId{row.number(2)};
    const ByteSpan body = row.blob(4);
    const bool whole = kind <= UINT8_MAX && row.read(3, record.subject.key) &&
                       body.size() <= kRecordBodyBytesMax && row.read(5, record.previous.bytes) &&
                       row.read(6, record.hash.bytes) && row.read(7, record.signature);
    if (!whole) {
        return fail("record " + std::to_string(record.height) + ": a column has the wrong size");
    }
    record.body.assign(body.begin(), body.end());
    return record;
}

sqlite3* open_database(const std::string& name, int flags) {
    sqlite3* database = nullptr;
    if (sqlite3_open_v2(name.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX, nullptr) ==
        SQLITE_OK) {
        return database;
    }
    sqlite3_close(database);
    return nullptr;
}

// Where nothing can be written, there is no shared memory by which readers and a writer agree. A
// file without FILE-wal beside it needs none: its writer has closed it.
std::optional<std::string> unchanging_name(const std::filesystem::path& file) {
    std::error_code code;
    const uintmax_t beside = std::filesystem::file_size(file.string() + "-wal", code);
    if (!code && beside > 0) {
        return std::nullopt;
    }
    std::string name = "file:";
    for (const char letter : file.string()) {
        const bool special = letter == '%' || letter == '?' || letter == '#';
        name += special ? "%" + to_hex(as_bytes(std::string(1, letter))) : std::string(1, letter);
    }
    return name + "?immutable=1";
}

}  // namespace

SqliteLedger::SqliteLedger(std::filesystem::path file,
                           sqlite3* database,
                           SqliteLedgerOptions options)
    : file_(std::move(file)), database_(database), options_(std::move(options)) {}

// The last to close a file leaves it without FILE-wal, which read-only disks and copies need; while
// others have it open, it stays as it is.
SqliteLedger::~SqliteLedger() {
    if (signer_) {
        sqlite3_busy_handler(database_, nullptr, nullptr);
        sqlite3_exec(database_, "PRAGMA journal_mode = DELETE", nullptr, nullptr, nullptr);
    }
    sqlite3_close(database_);
}

Error SqliteLedger::storage_error(const std::string& doing) const {
    std::string why = sqlite3_errmsg(database_);
    switch (sqlite3_errcode(database_) & 0xff) {
        case SQLITE_FULL:
            why = "the disk is full, or the file's quota is used up; free space";
            break;
        case SQLITE_BUSY:
            why = "another process writes to the file; is a coordinator running?";
            break;
        case SQLITE_READONLY:
            why = "the file cannot be written (" + why + ")";
            break;
        case SQLITE_NOTADB:
            why = "it is no ledger file";
            break;
        default:
            break;
    }
    return fail("ledger " + file_.string() + ": " + doing + ": " + why);
}

Status SqliteLedger::run_sql(const char* sql) {
    if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
        return storage_error("cannot use it");
    }
    return {};
}

// SQLite asks this while another process holds the file: 0 gives up.
int SqliteLedger::is_busy(void* self, int times) {
    constexpr int kAskEveryMs = 10;
    const SqliteLedgerOptions& options = static_cast<SqliteLedger*>(self)->options_;
    const int64_t waited = int64_t{times} * kAskEveryMs;
    if (waited >= options.lock_wait_ms && !(options.wait_on && options.wait_on(waited))) {
        return 0;
    }
    sqlite3_sleep(kAskEveryMs);
    return 1;
}

Status SqliteLedger::configure() {
    sqlite3_busy_handler(database_, is_busy, this);
    if (!signer_) {
        return run_sql("PRAGMA query_only = 1");
    }
    {
        Statement journal(database_, "PRAGMA journal_mode = WAL");
        if (!journal.good() || journal.step() != SQLITE_ROW) {
            return storage_error("cannot use it");
        }
        if (to_text(journal.blob(0)) != "wal") {
            return fail("ledger " + file_.string() +
                        ": this file system cannot hold it (SQLite has no write-ahead log there); "
                        "keep the run's folder on a disk of this machine");
        }
    }
    std::string pragmas = "PRAGMA synchronous = FULL;";
    if (options_.pages_max > 0) {
        pragmas += "PRAGMA max_page_count = " + std::to_string(options_.pages_max) + ";";
    }
    return run_sql(pragmas.c_str());
}

void SqliteLedger::checkpoint() {
    ASSAY_CHECK(signer_.has_value());
    sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

Result<std::unique_ptr<SqliteLedger>> SqliteLedger::open(const std::filesystem::path& file,
                                                         const Identity& coordinator,
                                                         const Digest& run,
                                                         SqliteLedgerOptions options) {
    sqlite3* database = open_database(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (database == nullptr) {
        return fail("cannot open or make the ledger " + file.string());
    }
    std::unique_ptr<SqliteLedger> ledger(new SqliteLedger(file, database, std::move(options)));
    ledger->signer_ = coordinator;
    Status status = ledger->configure();
    if (status.ok()) {
        status = ledger->create_schema(coordinator.id(), run);
    }
    if (status.ok()) {
        status = ledger->load_meta();
    }
    if (status.ok() && ledger->run_ != run) {
        status = fail("ledger " + file.string() + " belongs to run " + ledger->run_.hex() +
                      ", not to " + run.hex());
    }
    if (status.ok() && ledger->coordinator_ != coordinator.id()) {
        status = fail("ledger " + file.string() + " is signed by coordinator " +
                      ledger->coordinator_.hex() + ", this key is " + coordinator.id().hex());
    }
    if (status.ok()) {
        status = ledger->load_head();
    }
    if (!status) {
        return status.error();
    }
    return ledger;
}

Result<std::unique_ptr<SqliteLedger>> SqliteLedger::open_readonly(const std::filesystem::path& file,
                                                                  SqliteLedgerOptions options) {
    std::error_code code;
    if (!std::filesystem::is_regular_file(file, code)) {
        return fail("there is no ledger " + file.string());
    }
    // Read-write where that is allowed, so that what a killed writer left half done can be undone;
    // query_only keeps this connection from writing anything itself.
    Status status = fail("cannot open the ledger " + file.string());
    const auto attempt = [&](const std::string& name, int flags, bool& denied) {
        sqlite3* database = open_database(name, flags);
        denied = database == nullptr;
        if (denied) {
            return std::unique_ptr<SqliteLedger>();
        }
        std::unique_ptr<SqliteLedger> ledger(new SqliteLedger(file, database, options));
        status = ledger->load_for_reading();
        denied = !status && ledger->may_not_write();
        return ledger;
    };
    bool denied = false;
    std::unique_ptr<SqliteLedger> ledger = attempt(file.string(), SQLITE_OPEN_READWRITE, denied);
    if (denied) {
        const std::optional<std::string> name = unchanging_name(file);
        if (!name) {
            return fail(status.reason() + "; copy it and " + file.filename().string() +
                        "-wal to a folder where files may be made, and read it there");
        }
        ledger = attempt(*name, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, denied);
    }
    if (!status) {
        return status.error();
    }
    return ledger;
}

// Whether the last call failed for want of a right, or of a place, to write.
bool SqliteLedger::may_not_write() const {
    const int code = sqlite3_errcode(database_) & 0xff;
    return code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM;
}

Status SqliteLedger::load_for_reading() {
    Status status = configure();
    if (status.ok()) {
        status = load_meta();
    }
    return status.ok() ? load_head() : status;
}

// In an empty file alone; one transaction, so that a crash leaves an empty file or a whole schema.
Status SqliteLedger::create_schema(const PeerId& coordinator, const Digest& run) {
    if (Status begun = run_sql("BEGIN IMMEDIATE"); !begun) {
        return begun;
    }
    {
        Statement tables(database_, "SELECT count(*) FROM sqlite_master");
        if (!tables.good() || tables.step() != SQLITE_ROW) {
            return storage_error("cannot read it");
        }
        if (tables.number(0) > 0) {
            tables.reset();
            return run_sql("ROLLBACK");
        }
    }
    const std::string header = "PRAGMA application_id = " + std::to_string(kApplicationId) +
                               "; PRAGMA user_version = " + std::to_string(kSchemaVersion) + ";";
    Status status = run_sql((header + kSchema).c_str());
    if (status.ok()) {
        Statement insert(database_, "INSERT INTO run VALUES (1, ?, ?)");
        insert.bind(1, run.span());
        insert.bind(2, coordinator.span());
        status = insert.step() == SQLITE_DONE ? Status() : storage_error("cannot write to it");
    }
    if (status.ok()) {
        status = run_sql("COMMIT");
    }
    if (!status) {
        sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
        return status;
    }
    const std::filesystem::path folder = file_.parent_path();
    return sync_folder(folder.empty() ? "." : folder);
}

Status SqliteLedger::load_meta() {
    const auto pragma = [&](const char* sql) -> std::optional<uint64_t> {
        Statement statement(database_, sql);
        if (!statement.good() || statement.step() != SQLITE_ROW) {
            return std::nullopt;
        }
        return statement.number(0);
    };
    const std::optional<uint64_t> application = pragma("PRAGMA application_id");
    const std::optional<uint64_t> version = pragma("PRAGMA user_version");
    if (!application || !version) {
        return storage_error("cannot read it");
    }
    if (*application != kApplicationId) {
        return fail("ledger " + file_.string() + ": it is no ledger file");
    }
    if (*version != kSchemaVersion) {
        return fail("ledger " + file_.string() + " has schema " + std::to_string(*version) +
                    ", this program reads schema " + std::to_string(kSchemaVersion));
    }
    Statement meta(database_, "SELECT manifest, coordinator FROM run");
    if (!meta.good() || meta.step() != SQLITE_ROW) {
        return storage_error("cannot read what run it belongs to");
    }
    if (!meta.read(0, run_.bytes) || !meta.read(1, coordinator_.key)) {
        return fail("ledger " + file_.string() + ": the row of its run is damaged");
    }
    return {};
}

// The last record and the one below: what an append will build upon.
Status SqliteLedger::load_head() {
    {
        Statement last(database_, "SELECT count(*), max(height) FROM record");
        if (!last.good() || last.step() != SQLITE_ROW) {
            return storage_error("cannot read its records");
        }
        height_ = last.number(0) > 0 ? last.number(1) + 1 : 0;
        if (signer_ && height_ != last.number(0)) {
            return fail("ledger " + file_.string() + ": records are missing");
        }
    }
    if (height_ == 0) {
        return {};
    }
    const uint64_t from = height_ > 1 ? height_ - 2 : 0;
    Result<std::vector<Record>> top = read(from, 2);
    if (!signer_) {  // a reader is there to find faults: ledger_verify names the record
        head_ = top.ok() ? top->back().hash : Digest{};
        return {};
    }
    if (!top) {
        return top.error();
    }
    const Record& head = top->back();
    head_ = head.hash;
    const bool chained =
        top->size() == 1 ? head.previous.is_zero() : head.previous == top->front().hash;
    if (!chained || head.hash != record_hash(head) ||
        !verify_signature(coordinator_, head.hash.span(), head.signature)) {
        return fail("ledger " + file_.string() + ": its last record, " +
                    std::to_string(head.height) + ", does not chain or is not signed by " +
                    coordinator_.hex() + "; run `assay ledger verify`");
    }
    return {};
}

Status SqliteLedger::append(std::vector<RecordDraft> drafts) {
    if (!signer_) {
        return fail("ledger " + file_.string() + " was opened for reading alone");
    }
    if (Status checked = check_drafts(drafts); !checked) {
        return checked;
    }
    std::vector<Record> records;
    records.reserve(drafts.size());
    Digest previous = head_;
    for (RecordDraft& draft : drafts) {
        records.push_back(
            seal_record(*signer_, height_ + records.size(), previous, std::move(draft)));
        previous = records.back().hash;
    }
    Status status = run_sql("BEGIN IMMEDIATE");
    if (status.ok()) {
        status = insert(records);
    }
    if (status.ok()) {
        status = run_sql("COMMIT");
    }
    if (!status) {
        if (sqlite3_get_autocommit(database_) == 0) {
            sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
        }
        return fail(status.reason() + "; nothing of a batch of " + std::to_string(records.size()) +
                    " records was stored, the ledger still has " + std::to_string(height_));
    }
    ASSAY_CHECK(sqlite3_get_autocommit(database_) != 0);  // the transaction is over: it is durable
    height_ += records.size();
    head_ = previous;
    return {};
}

// A height that is taken means that somebody else wrote: the batch is refused.
Status SqliteLedger::insert(const std::vector<Record>& records) {
    ASSAY_CHECK_EQ(sqlite3_get_autocommit(database_), 0);  // inside the batch's transaction
    Statement row(database_, "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    if (!row.good()) {
        return storage_error("cannot write to it");
    }
    for (const Record& record : records) {
        ASSAY_CHECK_EQ(record.height, height_ + static_cast<size_t>(&record - records.data()));
        row.bind(1, record.height);
        row.bind(2, uint64_t{static_cast<uint8_t>(record.kind)});
        row.bind(3, record.round.value);
        row.bind(4, record.subject.span());
        row.bind(5, record.body);
        row.bind(6, record.previous.span());
        row.bind(7, record.hash.span());
        row.bind(8, record.signature);
        if (row.step() != SQLITE_DONE) {
            if (sqlite3_errcode(database_) == SQLITE_CONSTRAINT) {
                return fail("ledger " + file_.string() + ": another process has written record " +
                            std::to_string(record.height));
            }
            return storage_error("cannot write to it");
        }
        row.reset();
    }
    return {};
}

Result<std::vector<Record>> SqliteLedger::read(uint64_t from, uint64_t count) const {
    std::vector<Record> records;
    const uint64_t end = from < height_ ? from + std::min(count, height_ - from) : from;
    Statement rows(database_,
                   "SELECT height, kind, round, subject, body, previous, hash, signature "
                   "FROM record WHERE height >= ? AND height < ? ORDER BY height");
    if (!rows.good()) {
        return storage_error("cannot read its records");
    }
    rows.bind(1, from);
    rows.bind(2, end);
    int step = SQLITE_ROW;
    while ((step = rows.step()) == SQLITE_ROW) {
        Result<Record> record = read_row(rows);
        if (!record) {
            return fail("ledger " + file_.string() + ": " + record.reason());
        }
        if (record->height != from + records.size()) {
            return fail("ledger " + file_.string() + ": record " +
                        std::to_string(from + records.size()) + " is missing");
        }
        records.push_back(std::move(*record));
    }
    if (step != SQLITE_DONE || records.size() != end - from) {
        return storage_error("cannot read record " + std::to_string(from + records.size()));
    }
    return records;
}

}  // namespace assay
