"""Wording of every question in every wave as one text, with a hash: the question, its type, its boxes and its answers by code.

Grain: wave_code, question_code.
Care: two texts are equal when their hashes are; the order in which answers were shown and the filters are not in it.
"""

READS = {
    "parts": """
        select
            structures.wave_code,
            wordings.question_code,
            wordings.question_type,
            wordings.element,
            wordings.subquestion_code,
            wordings.answer_code,
            wordings.language,
            wordings.wording
        from staging.stg_surveys__structure as wordings
        inner join intermediate.int_survey_structures_waved as structures
            on wordings.delivery_id = structures.delivery_id
        order by
            structures.wave_code, wordings.question_code, wordings.language,
            case wordings.element when 'question' then 1 when 'subquestion' then 2 else 3 end,
            wordings.subquestion_code, wordings.answer_code
    """
}

COLUMNS = ["wave_code", "question_code", "wording", "wording_hash"]


def compute(parts):
    """Parts come by language: question, then sub-questions, then answers."""
    if parts.empty:
        return parts.reindex(columns=COLUMNS)
    languages = parts.groupby(["wave_code", "question_code"])["language"].transform("nunique")
    is_question = parts["element"] == "question"
    code = parts["subquestion_code"].str.cat(parts["answer_code"], sep="/").str.replace(r"^-/|/-$", "", regex=True)
    text = parts["wording"].fillna("").map(_evenly)
    kind = (" [" + parts["question_type"].fillna("-") + "]").where(is_question, "")
    started = ("(" + parts["language"] + ") ").where(is_question & (languages > 1), "")
    parts = parts.assign(line=started + (text + kind).where(is_question, code + " = " + text))
    whole = parts.groupby(["wave_code", "question_code"], sort=True)["line"].agg(" | ".join).reset_index(name="wording")
    return whole.assign(wording_hash=whole["wording"].map(_hash))[COLUMNS]


def _evenly(text):
    """A text in which spaces that look alike are alike: what nobody can see is no other wording."""
    import unicodedata

    return " ".join(unicodedata.normalize("NFKC", text).split())


def _hash(text):
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:16]
