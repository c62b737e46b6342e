"""The words that invented names are put together from."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(" ".join(each.split()) for each in text.split(","))


FIRST_NAMES = _words(
    """
    Ana Paula, André, Antônio, Beatriz, Bruno, Caio, Camila, Carlos Eduardo, Cecília, Cláudia, Daniela,
    Débora, Diego, Eduardo, Elaine, Fábio, Felipe, Fernanda, Flávia, Gabriel, Gilberto, Gisele, Gustavo,
    Helena, Henrique, Igor, Isabela, Jéssica, João, Joaquim, José Roberto, Juliana, Júlio César, Larissa,
    Leandro, Letícia, Lívia, Luís, Luiza, Marcelo, Márcia, Marcos, Maria Aparecida, Mariana, Mário, Mônica,
    Natália, Otávio, Patrícia, Paulo, Pedro, Rafael, Raquel, Renata, Ricardo, Roberta, Rodrigo, Rogério,
    Sandra, Sérgio, Simone, Sônia, Tânia, Thiago, Valéria, Vanessa, Vera Lúcia, Vinícius, Vitória, Wagner
    """
)

SURNAMES = _words(
    """
    Almeida, Alves, Amaral, Andrade, Araújo, Assunção, Azevedo, Barbosa, Barros, Batista, Bezerra, Borges,
    Brandão, Caldeira, Camargo, Cardoso, Carvalho, Castro, Cavalcanti, Coelho, Conceição, Corrêa, Costa,
    Coutinho, Cunha, Damasceno, Dias, Duarte, Esteves, Falcão, Faria, Fernandes, Ferreira, Figueiredo,
    Fonseca, Franco, Freitas, Furtado, Galvão, Garcia, Gomes, Gonçalves, Guimarães, Holanda, Jardim,
    Lacerda, Leão, Leite, Lima, Lopes, Macedo, Machado, Magalhães, Marinho, Marques, Martins, Matos,
    Medeiros, Melo, Mendonça, Menezes, Miranda, Monteiro, Moraes, Moreira, Moura, Nascimento, Neves,
    Nogueira, Nóbrega, Novaes, Oliveira, Pacheco, Paixão, Paiva, Peixoto, Pereira, Pinheiro, Pinto, Pires,
    Queiroz, Ramos, Rangel, Rezende, Ribeiro, Rocha, Rodrigues, Sá, Salgado, Sampaio, Santana, Santos,
    Siqueira, Silva, Silveira, Simões, Soares, Sobral, Souza, Tavares, Teixeira, Torres, Trindade, Valente,
    Vasconcelos, Vaz, Veloso, Viana, Vieira, Xavier, Zanetti
    """
)

TRADES = _words(
    """
    Metalúrgica, Comercial, Distribuidora, Auto Peças, Construtora, Padaria, Supermercado, Farmácia,
    Indústria de Plásticos, Transportadora, Agropecuária, Laticínios, Cerâmica, Gráfica, Madeireira,
    Usinagem, Ferragens, Materiais Elétricos, Têxtil, Confecções, Móveis, Embalagens, Química, Mineração,
    Cooperativa, Hospital, Clínica, Laboratório, Hotel, Restaurante, Açougue, Frigorífico, Moinho,
    Vidraçaria, Tintas, Hidráulica, Refrigeração, Informática, Engenharia, Serralheria
    """
)

HOUSES = _words(
    """
    Horizonte, São Bento, Alvorada, Pão Dourado, Boa Vista, Santa Rita, Três Irmãos, Bandeirante, Ipê,
    Primavera, Nossa Senhora da Guia, Central, União, Progresso, Atlântica, Paraíso, Guarani, Esperança,
    Aurora, Planalto, Serra Azul, Rio Branco, Vitória Régia, Santo Antônio, Nova Era, Bom Jesus,
    Cruzeiro do Sul, Jacarandá, Araucária, Pioneira, Sol Nascente, Vale Verde, Estrela, Ouro Fino,
    Monte Alegre, São João, Dom Pedro, Imperial, Líder, Modelo, Ideal, Real, Tropical, Fênix, Minuano,
    Pampa, Sertão
    """
)

FORMS = ("Ltda", "Ltda", "Ltda", "Ltda ME", "S.A.", "EPP", "ME", "Ltda.", "Eireli", "e Filhos Ltda", "& Cia Ltda")

GOODS = _words(
    """
    Rolamentos 6204 ZZ, Válvulas de retenção, Cabos flexíveis 4 mm², Tubos de aço inox,
    Motores elétricos 5 CV, Bombas hidráulicas, Inversores de frequência, Correias em V,
    Mangueiras de alta pressão, Painéis elétricos, Parafusos sextavados, Luvas de proteção, Compressores,
    Filtros de óleo, Conexões galvanizadas, Chapas de alumínio, Tintas epóxi, Lubrificantes,
    Sensores indutivos, Disjuntores, Reposição de peças, Manutenção preventiva, Contrato anual de serviços,
    Calibração de instrumentos, Empilhadeira, Talhas, Eletrodos, Discos de corte, Vedações, Retentores,
    Automação da linha de produção, Treinamento técnico, Kit de ferramentas, Iluminação LED,
    Transformadores, Peças de reposição, Óleo solúvel, Equipamento de medição
    """
)

OPENINGS = ("Pedido", "Proposta", "Orçamento", "Cotação", "Reposição", "Licitação", "Renovação", "Negociação")

LOSSES = ("Preço", "Prazo de entrega", "Concorrente", "Desistência", "Sem retorno", "Sem orçamento", "Fora do escopo")

# name, state, and how often it is drawn
CITIES = tuple(
    (name.strip(), state, int(weight))
    for name, state, weight in (
        line.rsplit(" ", 2)
        for line in """
São Paulo SP 30
Campinas SP 12
Ribeirão Preto SP 8
Sorocaba SP 6
São José dos Campos SP 5
Santos SP 4
Jundiaí SP 4
Piracicaba SP 3
Bauru SP 3
Belo Horizonte MG 10
Uberlândia MG 5
Contagem MG 4
Juiz de Fora MG 3
Montes Claros MG 2
Rio de Janeiro RJ 9
Niterói RJ 2
Volta Redonda RJ 2
Vitória ES 2
Vila Velha ES 2
Curitiba PR 9
Londrina PR 4
Maringá PR 4
Cascavel PR 3
Ponta Grossa PR 2
Joinville SC 5
Florianópolis SC 3
Blumenau SC 4
Chapecó SC 2
Porto Alegre RS 6
Caxias do Sul RS 5
Novo Hamburgo RS 3
Passo Fundo RS 2
Goiânia GO 5
Anápolis GO 2
Brasília DF 4
Cuiabá MT 2
Rondonópolis MT 1
Campo Grande MS 2
Dourados MS 1
Salvador BA 4
Feira de Santana BA 2
Recife PE 4
Caruaru PE 2
Fortaleza CE 4
Juazeiro do Norte CE 1
Natal RN 1
João Pessoa PB 1
Maceió AL 1
Aracaju SE 1
Teresina PI 1
São Luís MA 1
Belém PA 2
Manaus AM 2
Porto Velho RO 1
Palmas TO 1
""".strip().splitlines()
    )
)

STATES = {
    "AC": "Acre",
    "AL": "Alagoas",
    "AM": "Amazonas",
    "AP": "Amapá",
    "BA": "Bahia",
    "CE": "Ceará",
    "DF": "Distrito Federal",
    "ES": "Espírito Santo",
    "GO": "Goiás",
    "MA": "Maranhão",
    "MG": "Minas Gerais",
    "MS": "Mato Grosso do Sul",
    "MT": "Mato Grosso",
    "PA": "Pará",
    "PB": "Paraíba",
    "PE": "Pernambuco",
    "PI": "Piauí",
    "PR": "Paraná",
    "RJ": "Rio de Janeiro",
    "RN": "Rio Grande do Norte",
    "RO": "Rondônia",
    "RR": "Roraima",
    "RS": "Rio Grande do Sul",
    "SC": "Santa Catarina",
    "SE": "Sergipe",
    "SP": "São Paulo",
    "TO": "Tocantins",
}
